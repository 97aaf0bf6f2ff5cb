"""Say how a network is trained."""

from __future__ import annotations

from dataclasses import dataclass

from gdest.core import BACKBONES, HEADS, INPUTS, TASKS, require


@dataclass(frozen=True)
class TrainSettings:
    """Say how a network is trained; the defaults are the paper's.

    `rescale_g` is the largest change of G by the rescale augmentation, `contrast` that of gain,
    offset and log gamma. `average` is the decay per step of the running average of the weights
    that is validated and kept, 0 for none. `schedule` is constant or cosine (after a short warm-up).
    `unfit_pictures` of each unfit kind are drawn to teach the trained network what not to grade.
    `calibration` names labelled micrographs that calibrate the interval and the limits of doubt in
    place of the held-out specimens. No epochs at all calibrate the initial weights anew.
    `mix` names further labelled micrographs that give `mix_share` of the crops of every step and are never
    held out: real ones beside synthetic ones, or synthetic ones so that retraining forgets nothing.
    `rescale` off keeps every grade as it is; on, `rescale_g` limits a regressor's changes (the paper:
    0.5, with whole images to the coarser side only), and a classifier's are whole grades: -1, 0 or +1
    with crops, 0 or -1 with whole images. `test_share` of the specimens is kept apart and measured at
    the end. `optimizer` is adam or sgd (momentum 0.9, weight decay 5e-4). `keep_norm` leaves the means and
    deviations of batch normalisation as the initial weights have them: those of a few micrographs of one
    steel are unlike those of all, and a network that is shown with them first has to learn them.
    """

    epochs: int = 50
    batch: int = 32
    learning_rate: float = 3e-4
    schedule: str = "constant"
    average: float = 0.0
    crop_px: int = 224
    crops_per_micrograph: int = 4
    rescale_g: float = 0.5
    contrast: float = 0.3
    validation_share: float = 0.1
    unfit_pictures: int = 250
    calibration: tuple[str, ...] = ()
    mix: tuple[str, ...] = ()
    mix_share: float = 0.2
    seed: int = 0
    init: str = "none"
    device: str = "auto"
    bf16: bool = False
    um_per_px: float | None = None
    reference_um_per_px: float = 1.0
    task: str = "regression"
    head: str = "fc"
    backbone: str = "resnet18"
    input: str = "crop"
    rescale: bool = True
    test_share: float = 0.0
    optimizer: str = "adam"
    keep_norm: bool = False

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        require(min(self.batch, self.crops_per_micrograph) >= 1, "Counts must be at least 1.")
        require(self.epochs >= 0, "--epochs must not be negative.")
        require(self.epochs > 0 or self.init != "none", "--epochs 0 needs --init FILE.")
        require(not self.keep_norm or self.init != "none", "--keep-norm needs --init.")
        require(self.learning_rate > 0, "--lr must be positive.")
        require(self.schedule in ("constant", "cosine"), "--schedule is constant or cosine.")
        require(0 <= self.average < 1, "--average must be in 0..1.")
        require(self.crop_px >= 64 and self.crop_px % 32 == 0, "--crop-px must be a multiple of 32, at least 64.")
        require(0 <= self.rescale_g <= 4, "--rescale-g must be in 0..4.")
        require(0 <= self.contrast < 1, "--contrast must be in 0..1.")
        require(0 < self.validation_share < 1, "--validation-share must be in 0..1.")
        require(0 < self.mix_share < 1, "--mix-share must be in 0..1.")
        require(not self.mix or self.input == "crop", "--mix goes with --input crop.")
        require(self.unfit_pictures >= 1, "--unfit-pictures must be at least 1.")
        require(self.um_per_px is None or self.um_per_px > 0, "--um-per-px must be positive.")
        require(self.reference_um_per_px > 0, "--reference-um-per-px must be positive.")
        require(self.task in TASKS, f"--task is one of {', '.join(TASKS)}.")
        require(self.head in HEADS, f"--head is one of {', '.join(HEADS)}.")
        require(self.backbone in BACKBONES, f"--backbone is one of {', '.join(BACKBONES)}.")
        require(self.input in INPUTS, f"--input is one of {', '.join(INPUTS)}.")
        require(0 <= self.test_share < 1, "--test-share must be in 0..1.")
        require(self.validation_share + self.test_share < 1, "--validation-share and --test-share leave nothing.")
        require(self.optimizer in ("adam", "sgd"), "--optimizer is adam or sgd.")

    @property
    def mixed_crops(self) -> int:
        """Return how many crops of each step come from `mix`."""
        return min(max(1, round(self.batch * self.mix_share)), self.batch - 1) if self.mix else 0

    @property
    def shift_limit(self) -> float:
        """Return the largest change of G by the rescale augmentation, 0 where it is off."""
        return self.rescale_g if self.rescale else 0.0
