from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from gdest.model.resnet import ResNet18


@pytest.fixture(scope="module")
def both():
    torch.manual_seed(3)
    ours, theirs = ResNet18(nn.Linear(512, 5)), resnet18(num_classes=5)
    theirs.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    return ours, theirs


def maps_of(body, grey):
    maps = body.maxpool(body.relu(body.bn1(body.conv1(grey))))
    for stage in (body.layer1, body.layer2, body.layer3, body.layer4):
        maps = stage(maps)
    return maps


def test_it_is_torchvisions_network_to_the_last_digit(both):
    ours, theirs = both
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    grey = torch.randn(2, 1, 97, 130)
    for training in (True, False):  # the first moves the running means of both
        ours.train(training), theirs.train(training)
        assert torch.equal(maps_of(ours, grey), maps_of(theirs, grey))
    for name, value in ours.state_dict().items():
        assert torch.equal(value, theirs.state_dict()[name]), name


def test_random_weights_scatter_as_torchvisions_do(both):
    ours, _ = both
    theirs = resnet18()
    for name, value in ours.named_parameters():
        if "conv" in name and name != "conv1.weight":  # whose fan is another, for one channel
            assert value.std().item() == pytest.approx(dict(theirs.named_parameters())[name].std().item(), rel=0.02)


def test_grading_imports_no_more_than_it_needs():
    """torchvision brings PyTorch's compiler: together they took three times as long to import as PyTorch."""
    code = """if True:
        import sys
        from gdest.model import load_model, weights_path
        load_model(weights_path(None))
        import gdest.cli.run_analyze
        heavy = ("torchvision", "torch._dynamo", "sympy", "pandas", "matplotlib")
        print([name for name in heavy if name in sys.modules])
    """
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
