"""Build the bodies of the networks for one grey channel, with their two heads."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from gdest.core import SettingsError, WeightsError, in_plain_words
from gdest.model.resnet import ResNet18

EMBEDDING = 256
"""Numbers in the last layer of the extended head before its output (section VI of the paper)."""

HIDDEN = 512
"""Numbers in the first layer of the extended head; the paper leaves it open."""

POOLED = {"resnet18": 512, "alexnet": 4096, "vgg16": 4096}
"""Numbers that each backbone hands to its head: ResNet's pooled maps, the others' second dense layer."""

IMAGENET = {"resnet18": "ResNet18_Weights", "alexnet": "AlexNet_Weights", "vgg16": "VGG16_Weights"}
"""What torchvision calls the weights of each backbone."""


def make_body(backbone: str, head: str, outputs: int) -> nn.Module:
    """Return a network for one grey channel with the head in its last place; random weights.

    Raises `WeightsError` for a backbone or head this gdest does not know.
    """
    if backbone not in POOLED or head not in ("fc", "ext"):
        raise WeightsError(f"it holds a {backbone}/{head} network; this gdest cannot run it.")
    last = make_head(head, POOLED[backbone], outputs)
    if backbone == "resnet18":
        return ResNet18(last)
    from torchvision.models import alexnet, vgg16

    if backbone == "alexnet":
        body = alexnet(weights=None)
        body.features[0] = nn.Conv2d(1, 64, kernel_size=11, stride=4, padding=2)
        body.classifier[6] = last
    else:
        body = vgg16(weights=None)
        body.features[0] = nn.Conv2d(1, 64, kernel_size=3, padding=1)
        body.classifier[6] = last
    return cast(nn.Module, body)


def make_head(head: str, size: int, outputs: int) -> nn.Module:
    """Return the head `fc`, one layer, or `ext`, two layers of 512 and 256 numbers before the output (Fig. 3)."""
    if head == "fc":
        return nn.Linear(size, outputs)
    middle = [nn.Linear(size, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, EMBEDDING), nn.ReLU()]
    return nn.Sequential(*middle, nn.Linear(EMBEDDING, outputs))


def head_of(body: nn.Module) -> nn.Module:
    """Return the head of a body."""
    return cast(nn.Module, body.fc if hasattr(body, "fc") else cast(nn.Sequential, body.classifier)[6])


def head_prefix(backbone: str) -> str:
    """Return how the names of the head's weights begin in a network's state."""
    return "body.fc." if backbone == "resnet18" else "body.classifier.6."


def resnet_maps(body: nn.Module, grey: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return the stem's maps (n, 64, rows / 2, cols / 2) of a ResNet, and those of its four stages.

    These are (n, 64, rows / 4, cols / 4) to (n, 512, rows / 32, cols / 32).
    """
    stem = body.relu(body.bn1(body.conv1(grey)))  # type: ignore[operator]
    x = body.maxpool(stem)  # type: ignore[operator]
    maps = []
    for stage in (body.layer1, body.layer2, body.layer3, body.layer4):
        x = stage(x)  # type: ignore[operator]
        maps.append(x)
    return stem, maps


def pool(body: nn.Module, maps: Tensor) -> Tensor:
    """Return what the head is given (n, POOLED) from the last feature maps, of pictures of any size."""
    if hasattr(body, "fc"):
        return maps.mean(dim=(2, 3))
    dense = cast(nn.Sequential, body.classifier)[:6]
    return cast(Tensor, dense(body.avgpool(maps).flatten(1)))  # type: ignore[operator]


def imagenet_state(backbone: str) -> dict[str, Tensor]:
    """Return torchvision's ImageNet weights without their head; the colour filters are summed for grey input.

    Raises `SettingsError` where they cannot be downloaded.
    """
    from torchvision import models

    try:
        weights = getattr(models, IMAGENET[backbone]).IMAGENET1K_V1
        state = weights.get_state_dict(progress=False, check_hash=True)
    except Exception as error:  # urllib, ssl and the hub raise many kinds
        raise SettingsError(
            f"The ImageNet weights cannot be downloaded ({in_plain_words(error)}); use --init none, or --init FILE "
            "with a gdest file."
        ) from error
    head = head_prefix(backbone).removeprefix("body.")
    state = {name: value for name, value in state.items() if not name.startswith(head)}
    first = "conv1.weight" if backbone == "resnet18" else "features.0.weight"
    state[first] = state[first].sum(dim=1, keepdim=True)
    return state
