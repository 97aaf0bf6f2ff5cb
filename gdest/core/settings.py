"""Hold every knob once, its unit in its name, checked when it is made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from gdest.core.calibration import CalibrationSettings
from gdest.core.errors import require
from gdest.core.grain_size import G_MAX, G_MIN
from gdest.scan.shards import Shard

TASKS = ("regression", "classification")
HEADS = ("fc", "ext")
BACKBONES = ("resnet18", "alexnet", "vgg16")
INPUTS = ("crop", "image")


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
        require(all(G_MIN <= g <= G_MAX for g in self.grades), "--grades must lie in 0..16.")
        require(self.count >= 1, "--count must be at least 1.")
        require(G_MIN <= self.g_min <= self.g_max <= G_MAX, "--g-min and --g-max must satisfy 0 <= min <= max <= 16.")
        require(self.rows >= 224 and self.cols >= 224, "--size must be at least 224x224 px.")
        require(self.um_per_px > 0, "--um-per-px must be positive.")


@dataclass(frozen=True)
class GradeSettings:
    """Say how micrographs are read, tiled and graded."""

    calibration: CalibrationSettings = CalibrationSettings()
    stride_px: int = 224
    batch: int = 0
    """Tiles per pass; 0 for as many as are fastest."""
    device: str = "auto"
    precision: str = "auto"
    max_megapixels: float = 1500.0
    read_timeout_s: float = 600.0
    cross_check: bool = False

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        require(1 <= self.stride_px <= 224, "--stride must be 1..224 px, so that the tiles cover the image.")
        require(self.batch >= 0, "--batch must not be negative.")
        require(self.precision in ("auto", "fp32", "bf16"), "--precision is auto, fp32 or bf16.")
        require(self.max_megapixels > 0, "--max-megapixels must be positive.")
        require(self.read_timeout_s > 0, "--read-timeout must be positive.")
        missing = self.cross_check and find_spec("skimage") is None
        require(not missing, "--cross-check needs scikit-image: pip install 'gdest[cross-check]'.")


SPEED_ONLY = ("batch", "device", "read_timeout_s")
"""The settings of grading that change how fast an answer comes, not which."""


def answer_settings(settings: GradeSettings) -> dict[str, object]:
    """Return the settings that change an answer, as plain values by name; with the model they make a recipe."""
    return {name: value for name, value in asdict(settings).items() if name not in SPEED_ONLY}


@dataclass(frozen=True)
class ScanSettings:
    """Say which files of an archive a scan takes, how it works and what it writes beside the ledger.

    `force` grades again what is known; `heatmaps` draws one for each micrograph. `include` and
    `exclude` are globs on the relative path, `since` a date or `7d`, `limit` the most files graded in one
    run, `shard` the part of the archive. `watch` polls every `poll_s` seconds and takes a file when its size
    has been the same for `settle_s`. `engine` is local or ray; `address` that of a running Ray cluster.
    `fail_on_reject` asks for an exit code of its own when a limit fails.
    """

    heatmaps: bool = True
    force: bool = False
    fail_on_reject: bool = False
    dry_run: bool = False
    quiet: bool = False
    log_file: Path | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    since: str | None = None
    limit: int | None = None
    shard: Shard | None = None
    watch: bool = False
    poll_s: float = 30.0
    settle_s: float = 30.0
    engine: str = "local"
    address: str | None = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        require(self.limit is None or self.limit >= 1, "--limit must be at least 1.")
        require(self.poll_s > 0 and self.settle_s >= 0, "--poll must be positive, --settle not negative.")
        require(not (self.watch and (self.dry_run or self.force)), "--watch goes with neither --dry-run nor --force.")
        require(self.engine in ("local", "ray"), "--engine is local or ray.")
        require(self.address is None or self.engine == "ray", "--address goes with --engine ray.")


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
