"""Hold the settings of grading, and read the pixel sizes of a gdest.toml into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Annotated, Any, Literal, TypeVar, get_args

from gdest.core.calibration import CalibrationSettings, Objective, PixelSizeRule
from gdest.core.config import Section
from gdest.core.crop import CropRule, crop_rules
from gdest.core.errors import SettingsError, require
from gdest.core.option import POSITIVE, Check, Option, Panel, at_least, check_fields, declared_fields

Device = Annotated[str, Option("What computes.", speed_only=True, panel=Panel.SPEED, shown="auto|cpu|cuda|cuda:N")]
Rule = TypeVar("Rule", PixelSizeRule, Objective)
EXAMPLES = {"glob": "glob = 'microscope-2/*'", "name": "name = '200x'", "um_per_px": "um_per_px = 0.3698"}
COVERING = Check(lambda px: 1 <= px <= 224, "must be 1..224 px, so that the tiles cover the image")


@dataclass(frozen=True)
class GradeSettings:
    """Say how micrographs are read, tiled and graded."""

    calibration: CalibrationSettings = CalibrationSettings()
    stride_px: Annotated[
        int,
        Option(
            "Distance between tiles in px; 112 halves the map's step.", COVERING, flag="--stride", panel=Panel.SPEED
        ),
    ] = 224
    batch: Annotated[
        int, Option("Tiles per pass; 0 for what is fastest here.", at_least(0), speed_only=True, panel=Panel.SPEED)
    ] = 0
    device: Device = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "int8"],
        Option("auto takes bf16 where it is fast, never int8, which moves G by up to 0.07.", panel=Panel.SPEED),
    ] = "auto"
    max_megapixels: Annotated[float, Option("Refuse larger images.", POSITIVE, panel=Panel.SPEED)] = 1500.0
    read_timeout_s: Annotated[
        float,
        Option("Seconds a file may take.", POSITIVE, flag="--read-timeout", speed_only=True, panel=Panel.SPEED),
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
    """Return the settings with the `[[pixel_size]]` and `[[crop]]` rules and the `[[objective]]` table of a gdest.toml.

    Raises `SettingsError` for a wrong one.
    """
    rules = tuple(_read(Section.PIXEL_SIZE, PixelSizeRule, sections))
    objectives = tuple(_read(Section.OBJECTIVE, Objective, sections))
    once = {(one.magnification, one.glob) for one in objectives}
    require(len(once) == len(objectives), "an [[objective]] stands twice for the same files.")
    calibration = replace(settings.calibration, rules=rules, objectives=objectives)
    return replace(settings, calibration=calibration, crops=crop_rules(sections.get(Section.CROP, [])))


def _read(section: Section, kind: type[Rule], sections: dict[str, Any]) -> Iterator[Rule]:
    """Yield the rules of a section."""
    raw = sections.get(section, [])
    if not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
        raise SettingsError(f"{section} is a list of rules; write [[{section}]] above each.")
    for number, keys in enumerate(raw, start=1):
        yield _rule(f"[[{section}]] {number}", kind, keys)


def _rule(where: str, kind: type[Rule], keys: dict[str, Any]) -> Rule:
    table: type = kind
    kinds = {declared.name: declared.kind for declared in declared_fields(table)}
    for key, value in keys.items():
        if key not in kinds:
            raise SettingsError(f"{where}: unknown key {key}; known are {', '.join(kinds)}.")
        if not _is_of(kinds[key], value):
            if isinstance(value, str) and _is_of(kinds[key], 1.0):
                raise SettingsError(f"{where}: {key} = {value!r} is text; write a number with a point, without quotes.")
            raise SettingsError(f"{where}: {key} = {value!r} is of the wrong kind.")
    for field in fields(kind):
        if field.default is MISSING and field.name not in keys:
            raise SettingsError(f"{where}: a {field.name} is missing, such as {EXAMPLES[field.name]}.")
    try:
        return kind(**keys)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error


def _is_of(kind: Any, value: object) -> bool:
    """Return whether a value of a TOML file is of a field's type; a whole number is also a number, `true` is not."""
    wanted = (*get_args(kind), kind)[0]
    return type(value) is wanted or (wanted is float and type(value) is int)
