"""Say how a network is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from gdest.core import (
    POSITIVE,
    SHARE,
    SHARE_OR_NONE,
    Backbone,
    Check,
    Device,
    Head,
    NetworkInput,
    Option,
    Panel,
    Task,
    UmPerPx,
    at_least,
    between,
    check_fields,
    require,
)
from gdest.training.draw_settings import DrawSettings

FEWEST_TO_VALIDATE, MOST_TO_VALIDATE = 2, 400
"""Drawn micrographs: fewer give no interval, and more tell no more of it."""

CROP_SIDE = Check(lambda px: px >= 64 and px % 32 == 0, "must be a multiple of 32, at least 64")


def as_paths(words: Sequence[str] | None) -> tuple[str, ...]:
    """Return paths in one spelling, since an interrupted run goes on only with the settings it began with."""
    return tuple(str(Path(word)) for word in words or ())


def initial_weights(init: str) -> str:
    """Return imagenet, none, or the path of the weights that --init names."""
    if init != "bundled":
        return init
    from gdest.model import weights_path

    return str(weights_path(None))


@dataclass(frozen=True)
class TrainSettings:
    """Say how a network is trained; the defaults are the paper's.

    `rescale_g` limits a regressor's changes (the paper: 0.5, with whole images to the coarser side only); a
    classifier's are whole grades: -1, 0 or +1 with crops, 0 or -1 with whole images. `contrast` is the largest
    change of gain, offset and log gamma. The running `average` is what is validated and kept.
    `calibration` takes the place of the held-out specimens for the interval and the limits of doubt.
    `mix` is never held out: real micrographs beside synthetic ones, or synthetic ones so that retraining forgets
    nothing. `unfit` teaches what not to grade, beside `unfit_pictures` drawn ones. `optimizer` sgd has momentum 0.9
    and weight decay 5e-4. `keep_norm` leaves the means and deviations of batch normalisation as the initial weights
    have them: those of a few micrographs of one steel differ from those of all steels, and a network that meets them
    first has to learn them.
    """

    epochs: Annotated[int, Option("Passes; 0 only calibrates the initial weights anew.", at_least(0))] = 50
    batch: Annotated[int, Option("Crops per step.", at_least(1), panel=Panel.TRAINING)] = 32
    learning_rate: Annotated[float, Option("Adam's learning rate.", POSITIVE, flag="--lr", panel=Panel.TRAINING)] = 3e-4
    schedule: Annotated[
        Literal["constant", "cosine"], Option("constant, or cosine with a short warm-up.", panel=Panel.TRAINING)
    ] = "constant"
    average: Annotated[
        float,
        Option("Decay per step of a running average of the weights; 0 for none.", SHARE_OR_NONE, panel=Panel.TRAINING),
    ] = 0.0
    crop_px: Annotated[int, Option("Side of the crops.", CROP_SIDE, panel=Panel.TRAINING)] = 224
    crops_per_micrograph: Annotated[
        int, Option("Crops from each micrograph in an epoch.", at_least(1), panel=Panel.TRAINING)
    ] = 4
    rescale_g: Annotated[
        float, Option("Largest change of G by the rescale augmentation.", between(0, 4), panel=Panel.TRAINING)
    ] = 0.5
    contrast: Annotated[float, Option("Strength of the contrast jitter.", SHARE_OR_NONE, panel=Panel.TRAINING)] = 0.3
    validation_share: Annotated[float, Option("Share of the specimens held out for validation.", SHARE)] = 0.1
    unfit_pictures: Annotated[
        int, Option("Pictures of each kind drawn to teach what not to grade.", at_least(1), panel=Panel.TRAINING)
    ] = 250
    calibration: Annotated[
        tuple[str, ...],
        Option(
            "Labelled micrographs that calibrate the interval instead of the held-out ones.",
            read=as_paths,
            shown="DATA",
        ),
    ] = ()
    mix: Annotated[
        tuple[str, ...],
        Option("Further labelled micrographs, mixed into every step, never held out.", read=as_paths, shown="DATA"),
    ] = ()
    mix_share: Annotated[float, Option("Share of the crops of a step that come from --mix.", SHARE)] = 0.2
    unfit: Annotated[
        tuple[str, ...],
        Option(
            "Real pictures that must not be graded, in a sub-folder for each kind, to teach that.",
            read=as_paths,
            shown="FOLDER",
        ),
    ] = ()
    seed: Annotated[int, Option("Seed of the random numbers.")] = 0
    init: Annotated[
        str,
        Option(
            "Initial weights: bundled, imagenet, none, or a gdest weights file.", shown="FILE|bundled|imagenet|none"
        ),
    ] = "none"
    device: Device = "auto"
    bf16: Annotated[bool, Option("Compute in bf16 where it is safe.", panel=Panel.SPEED)] = False
    um_per_px: UmPerPx = None
    reference_um_per_px: Annotated[
        float, Option("Pixel size p0 of the model, um per px.", POSITIVE, panel=Panel.PIXEL_SIZE)
    ] = 1.0
    task: Annotated[
        Task, Option("regression, or classification over the grades present.", panel=Panel.PAPER, shown="TASK")
    ] = "regression"
    head: Annotated[Head, Option("fc: one layer; ext: two more before it.", panel=Panel.PAPER)] = "fc"
    backbone: Annotated[Backbone, Option("resnet18, alexnet or vgg16.", panel=Panel.PAPER, shown="NAME")] = "resnet18"
    input: Annotated[NetworkInput, Option("crop, or image for whole images.", panel=Panel.PAPER)] = "crop"
    rescale: Annotated[
        bool, Option("Enlarge and shrink pictures, and move their label by as much.", panel=Panel.PAPER)
    ] = True
    test_share: Annotated[
        float, Option("Share of the specimens kept apart and measured at the end.", SHARE_OR_NONE, panel=Panel.PAPER)
    ] = 0.0
    optimizer: Annotated[Literal["adam", "sgd"], Option("adam or sgd.", panel=Panel.PAPER)] = "adam"
    keep_norm: Annotated[
        bool,
        Option("Leave batch normalisation as --init has it: for few micrographs.", panel=Panel.TRAINING),
    ] = False
    drawing: DrawSettings = DrawSettings()

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        check_fields(self)
        require(self.epochs > 0 or self.init != "none", "--epochs 0 needs --init FILE.")
        require(not self.keep_norm or self.init != "none", "--keep-norm needs --init.")
        require(not self.mix or self.input == "crop", "--mix goes with --input crop.")
        judged = "--unfit goes with a ResNet18 that regresses from crops."
        require(not self.unfit or self.learns_from_label_maps, judged)
        require(self.validation_share + self.test_share < 1, "--validation-share and --test-share leave nothing.")
        only = "--draw goes with --task regression; for a classifier draw folders: gdest synth --grades."
        require(not self.drawing.draw or self.task == "regression", only)

    @property
    def mixed_crops(self) -> int:
        """Return how many crops of each step come from `mix`."""
        return min(max(1, round(self.batch * self.mix_share)), self.batch - 1) if self.mix else 0

    @property
    def shift_limit(self) -> float:
        """Return the largest change of G by the rescale augmentation, 0 where it is off."""
        return self.rescale_g if self.rescale else 0.0

    @property
    def learns_from_label_maps(self) -> bool:
        """Return whether the network learns from label maps: only a ResNet18 that regresses crops does."""
        return (self.backbone, self.task, self.input) == ("resnet18", "regression", "crop")

    @property
    def drawn(self) -> int:
        """Return how many micrographs are drawn for the training in all epochs."""
        return self.epochs * self.drawing.draw

    @property
    def drawn_to_validate(self) -> int:
        """Return how many more are drawn to validate and calibrate on: the held-out share of an epoch's."""
        wanted = max(FEWEST_TO_VALIDATE, round(self.validation_share * self.drawing.draw))
        return min(wanted, MOST_TO_VALIDATE) if self.drawing.draw else 0

    def record(self) -> dict[str, Any]:
        """Return by name what makes a training what it is; of drawing only where there is any, without its speed."""
        fields = asdict(self)
        drawing = fields.pop("drawing")
        del drawing["draw_workers"]
        return fields | (drawing if self.drawing.draw else {})
