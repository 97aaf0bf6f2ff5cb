"""Hold the settings of grading, and read the pixel sizes of a gdest.toml into them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Literal, get_args

from gdest.core.calibration import CalibrationSettings, PixelSizeRule
from gdest.core.config import Section
from gdest.core.crop import CropRule, crop_rules
from gdest.core.errors import SettingsError
from gdest.core.option import POSITIVE, Check, Option, at_least, check_fields, declared_fields

Device = Annotated[str, Option("auto, cpu, cuda or cuda:N.", speed_only=True)]
COVERING = Check(lambda px: 1 <= px <= 224, "must be 1..224 px, so that the tiles cover the image")


@dataclass(frozen=True)
class GradeSettings:
    """Say how micrographs are read, tiled and graded."""

    calibration: CalibrationSettings = CalibrationSettings()
    stride_px: Annotated[
        int, Option("Distance between tiles in px; 112 halves the map's step.", COVERING, flag="--stride")
    ] = 224
    batch: Annotated[int, Option("Tiles per pass; 0 for what is fastest here.", at_least(0), speed_only=True)] = 0
    device: Device = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        Option("auto, fp32 or bf16; auto takes what is fastest here, 8 bits too."),
    ] = "auto"
    max_megapixels: Annotated[float, Option("Refuse larger images.", POSITIVE)] = 1500.0
    read_timeout_s: Annotated[
        float, Option("Seconds a file may take.", POSITIVE, flag="--read-timeout", speed_only=True)
    ] = 600.0
    count: Annotated[bool, Option("Draw the boundaries and count the grains, as E112 has it.", both_ways=True)] = False
    crops: tuple[CropRule, ...] = ()

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        check_fields(self)


def answer_settings(settings: GradeSettings) -> dict[str, object]:
    """Return the settings that change an answer, as plain values by name; with the model they make a recipe."""
    speed_only = {field.name for field in declared_fields(GradeSettings) if field.option and field.option.speed_only}
    return {name: value for name, value in asdict(settings).items() if name not in speed_only}


def with_pixel_size_rules(settings: GradeSettings, sections: dict[str, Any]) -> GradeSettings:
    """Return the settings with the `[[pixel_size]]` and `[[crop]]` rules of a gdest.toml.

    Raises `SettingsError` for a wrong one.
    """
    raw = sections.get(Section.PIXEL_SIZE, [])
    if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
        raise SettingsError("gdest.toml: pixel_size is a list of rules; write [[pixel_size]] above each.")
    rules = tuple(_rule(number, keys) for number, keys in enumerate(raw, start=1))
    crops = crop_rules(sections.get(Section.CROP, []))
    return replace(settings, calibration=replace(settings.calibration, rules=rules), crops=crops)


def _rule(number: int, keys: dict[str, Any]) -> PixelSizeRule:
    where = f"gdest.toml, [[pixel_size]] {number}"
    kinds = {declared.name: declared.kind for declared in declared_fields(PixelSizeRule)}
    for key, value in keys.items():
        if key not in kinds:
            raise SettingsError(f"{where}: unknown key {key}; known are {', '.join(kinds)}.")
        if not _is_of(kinds[key], value):
            raise SettingsError(f"{where}: {key} = {value!r} is of the wrong kind.")
    if "glob" not in keys:
        raise SettingsError(f"{where}: a glob is missing, such as glob = 'microscope-2/*'.")
    try:
        return PixelSizeRule(**keys)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error


def _is_of(kind: Any, value: object) -> bool:
    """Return whether a value of a TOML file is of a field's type; a whole number is also a number, `true` is not."""
    wanted = (*get_args(kind), kind)[0]
    return type(value) is wanted or (wanted is float and type(value) is int)
