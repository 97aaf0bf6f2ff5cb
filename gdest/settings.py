"""Hold every knob once, its unit in its name, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass

from gdest.errors import SettingsError
from gdest.grain_size import G_MAX, G_MIN

TASKS = ("regression", "classification")
HEADS = ("fc", "ext")
BACKBONES = ("resnet18", "alexnet", "vgg16")
INPUTS = ("crop", "image")


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise SettingsError(sentence)


@dataclass(frozen=True)
class SynthSettings:
    """Say which synthetic micrographs to make: G evenly between two ends, or folders of single `grades`."""

    count: int = 10
    g_min: float = 3.0
    g_max: float = 12.0
    seed: int = 0
    rows: int = 960
    cols: int = 1280
    um_per_px: float = 1.0
    label_maps: bool = False
    workers: int = 1
    grades: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values no micrograph can have."""
        _require(all(G_MIN <= g <= G_MAX for g in self.grades), "--grades must lie in 0..16.")
        _require(self.count >= 1, "--count must be at least 1.")
        _require(G_MIN <= self.g_min <= self.g_max <= G_MAX, "--g-min and --g-max must satisfy 0 <= min <= max <= 16.")
        _require(self.rows >= 224 and self.cols >= 224, "--size must be at least 224x224 px.")
        _require(self.um_per_px > 0, "--um-per-px must be positive.")


@dataclass(frozen=True)
class CalibrationSettings:
    """Say what the user knows of the pixel size: um per px, or magnification with the camera's pixel."""

    um_per_px: float | None = None
    magnification: float | None = None
    camera_um: float | None = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for half a statement or an impossible one."""
        _require(
            (self.magnification is None) == (self.camera_um is None), "--magnification and --camera-um go together."
        )
        _require(self.um_per_px is None or self.magnification is None, "Give --um-per-px or --magnification, not both.")
        for value in (self.um_per_px, self.magnification, self.camera_um):
            _require(
                value is None or 0 < value < float("inf"), "Pixel size and magnification must be positive numbers."
            )

    @property
    def stated_um_per_px(self) -> float | None:
        """Return the pixel size that the user states, None when nothing is stated."""
        if self.magnification is not None and self.camera_um is not None:
            return self.camera_um / self.magnification
        return self.um_per_px


@dataclass(frozen=True)
class GradeSettings:
    """Say how micrographs are read, tiled and graded."""

    calibration: CalibrationSettings = CalibrationSettings()
    stride_px: int = 224
    batch: int = 64
    device: str = "auto"
    precision: str = "auto"
    max_megapixels: float = 400.0

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        _require(1 <= self.stride_px <= 224, "--stride must be 1..224 px, so that the tiles cover the image.")
        _require(self.batch >= 1, "--batch must be at least 1.")
        _require(self.precision in ("auto", "fp32", "bf16"), "--precision is auto, fp32 or bf16.")
        _require(self.max_megapixels > 0, "--max-megapixels must be positive.")


@dataclass(frozen=True)
class TrainSettings:
    """Say how a network is trained; the defaults are the paper's.

    `rescale_g` is the largest change of G by the rescale augmentation, `contrast` that of gain,
    offset and log gamma. `average` is the decay per step of the running average of the weights
    that is validated and kept, 0 for none. `schedule` is constant or cosine (after a short warm-up).
    `unfit_pictures` of each unfit kind are drawn to teach the trained network what not to grade.
    `calibration` names labelled micrographs that calibrate the interval and the limits of doubt in
    place of the held-out specimens. No epochs at all calibrate the initial weights anew.
    `rescale` off keeps every grade as it is; on, `rescale_g` limits a regressor's changes (the paper:
    0.5, with whole images to the coarser side only), and a classifier's are whole grades: -1, 0 or +1
    with crops, 0 or -1 with whole images. `test_share` of the specimens is kept apart and measured at
    the end. `optimizer` is adam or sgd (momentum 0.9, weight decay 5e-4).
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

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        _require(min(self.batch, self.crops_per_micrograph) >= 1, "Counts must be at least 1.")
        _require(self.epochs >= 0, "--epochs must not be negative.")
        _require(self.epochs > 0 or self.init != "none", "--epochs 0 needs --init FILE.")
        _require(self.learning_rate > 0, "--lr must be positive.")
        _require(self.schedule in ("constant", "cosine"), "--schedule is constant or cosine.")
        _require(0 <= self.average < 1, "--average must be in 0..1.")
        _require(self.crop_px >= 64 and self.crop_px % 32 == 0, "--crop-px must be a multiple of 32, at least 64.")
        _require(0 <= self.rescale_g <= 4, "--rescale-g must be in 0..4.")
        _require(0 <= self.contrast < 1, "--contrast must be in 0..1.")
        _require(0 < self.validation_share < 1, "--validation-share must be in 0..1.")
        _require(self.unfit_pictures >= 1, "--unfit-pictures must be at least 1.")
        _require(self.um_per_px is None or self.um_per_px > 0, "--um-per-px must be positive.")
        _require(self.reference_um_per_px > 0, "--reference-um-per-px must be positive.")
        _require(self.task in TASKS, f"--task is one of {', '.join(TASKS)}.")
        _require(self.head in HEADS, f"--head is one of {', '.join(HEADS)}.")
        _require(self.backbone in BACKBONES, f"--backbone is one of {', '.join(BACKBONES)}.")
        _require(self.input in INPUTS, f"--input is one of {', '.join(INPUTS)}.")
        _require(0 <= self.test_share < 1, "--test-share must be in 0..1.")
        _require(self.validation_share + self.test_share < 1, "--validation-share and --test-share leave nothing.")
        _require(self.optimizer in ("adam", "sgd"), "--optimizer is adam or sgd.")

    @property
    def shift_limit(self) -> float:
        """Return the largest change of G by the rescale augmentation, 0 where it is off."""
        return self.rescale_g if self.rescale else 0.0
