"""Hold every knob once, its unit in its name, checked when it is made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from typing import Any

from gdest.core.calibration import CalibrationSettings, PixelSizeRule
from gdest.core.errors import SettingsError, require


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


KEYS = ("glob", "um_per_px", "magnification", "camera_um", "trust")


def with_rules(settings: GradeSettings, sections: dict[str, Any]) -> GradeSettings:
    """Return the settings with the `[[pixel_size]]` rules of a gdest.toml; raise `SettingsError` for a wrong one."""
    raw = sections.get("pixel_size", [])
    if not isinstance(raw, list):
        raise SettingsError("gdest.toml: pixel_size is a list of rules; write [[pixel_size]] above each.")
    rules = tuple(_rule(number, keys) for number, keys in enumerate(raw, start=1))
    return replace(settings, calibration=replace(settings.calibration, rules=rules))


def _rule(number: int, keys: dict[str, Any]) -> PixelSizeRule:
    where = f"gdest.toml, [[pixel_size]] {number}"
    for key, value in keys.items():
        if key not in KEYS:
            raise SettingsError(f"{where}: unknown key {key}; known are {', '.join(KEYS)}.")
        kind = {"glob": str, "trust": bool}.get(key, (int, float))
        if not isinstance(value, kind) or (key not in ("trust",) and isinstance(value, bool)):
            raise SettingsError(f"{where}: {key} = {value!r} is of the wrong kind.")
    if "glob" not in keys:
        raise SettingsError(f"{where}: a glob is missing, such as glob = 'microscope-2/**'.")
    try:
        return PixelSizeRule(**keys)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error
