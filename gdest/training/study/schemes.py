"""Name what the paper trains and compares: its sets of grades, the schemes, and the settings of a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from gdest.core import POSITIVE, Asked, Option, at_least, check_fields, require
from gdest.training.settings import TrainSettings

GRADE_SETS = {
    "seen": ((2.5, *(float(g) for g in range(4, 14))), 242),
    "unseen": ((3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 11.5, 12.5), 668),
}
"""The paper's two sets and their number of micrographs: the whole grades, and the half grades (without 10.5)."""

PRESETS: dict[str, dict[str, Any]] = {
    "azimi": {
        "task": "classification",
        "backbone": "vgg16",
        "head": "fc",
        "input": "crop",
        "rescale": False,
        "optimizer": "sgd",
        "learning_rate": 1e-3,
    }
}
"""Training schemes by name. `azimi` is the compared work (reference 3 of the paper, Azimi et al. 2018): a VGG16
fine-tuned for classification, without the rescale augmentation. The paper names no optimiser for it; SGD at
1e-3 with momentum 0.9 and weight decay 5e-4, the usual fine-tuning of a VGG16, is our choice."""


SHARED = Asked(
    only=("batch", "crops_per_micrograph", "learning_rate", "um_per_px", "device", "bf16"),
    reworded={
        "epochs": Option("Passes of each run."),
        "init": Option("Initial backbones: bundled, imagenet, none, or a gdest weights file."),
        "validation_share": Option("Share of the specimens for validation."),
        "test_share": Option("Share of the specimens for the test."),
        "seed": Option("Seed of the split, which is the same for all runs.", flag="--split-seed"),
    },
)
"""What the user chooses of the training that all runs share; the rest is the scheme's or the configuration's."""


@dataclass(frozen=True)
class StudySettings:
    """Say which runs a study makes: every configuration that one of `configs` (names, * and ?) matches, `seeds` times.

    `training` is what the runs share. Whole images are `image_batch` to a step. The split is that of the
    paper, 125 / 53 / 64, as shares of the specimens, and the same for all seeds.
    """

    training: Annotated[TrainSettings, SHARED] = TrainSettings(
        epochs=1500, init="imagenet", validation_share=0.219, test_share=0.2645
    )
    seeds: Annotated[int, Option("Runs of each configuration.", at_least(1))] = 20
    configs: Annotated[tuple[str, ...], Option("Configurations, * and ? allowed; without it all of the paper's.")] = (
        "*",
    )
    image_batch: Annotated[int, Option("Whole images per step.", at_least(1))] = 8
    minutes: Annotated[
        float | None,
        Option("In place of --epochs: as many as all runs do in so many minutes, measured at the start.", POSITIVE),
    ] = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        check_fields(self)
        require(bool(self.configs), "--configs names no configuration.")
        require(self.training.epochs >= 1, "--epochs must be at least 1.")
