"""Hold what the user knows of the pixel size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from gdest.core.errors import require
from gdest.core.file_names import fits
from gdest.core.magnification import magnifications_in
from gdest.core.option import POSITIVE_NUMBER, Option, Panel, check_fields, declared_fields

UmPerPx = Annotated[
    float | None, Option("Pixel size of every image, um per px.", POSITIVE_NUMBER, panel=Panel.PIXEL_SIZE)
]


@dataclass(frozen=True)
class PixelSizeRule:
    """Say the pixel size of the files whose relative path fits `glob`, where `*` also crosses folders.

    Either `um_per_px`, or `magnification` with `camera_um`, or `camera_um` alone, which lets a magnification
    in the file's name count. A rule with `trust` is the last word: what the file says is not compared.
    """

    glob: str
    um_per_px: Annotated[float | None, POSITIVE_NUMBER] = None
    magnification: Annotated[float | None, POSITIVE_NUMBER] = None
    camera_um: Annotated[float | None, POSITIVE_NUMBER] = None
    trust: bool = False

    def __post_init__(self) -> None:
        """Raise `SettingsError` for half a statement or an impossible one."""
        check_fields(self)
        _check_together(self)
        require(
            any(value is not None for value in (self.um_per_px, self.camera_um)),
            "give um_per_px, or camera_um with or without magnification.",
        )

    @property
    def stated_um_per_px(self) -> float | None:
        """Return the pixel size that the rule states, None when it names the camera only."""
        return _stated_um_per_px(self.um_per_px, self.magnification, self.camera_um)


@dataclass(frozen=True)
class Objective:
    """Say the pixel size that an objective of a microscope makes, as it was calibrated with a stage micrometer.

    `name` is its magnification as names of files state it (`200x`, `x200`, `200:1`). `glob` are the files of this
    microscope; the others are for the record.
    """

    name: str
    um_per_px: Annotated[float, POSITIVE_NUMBER]
    glob: str = "*"
    microscope: str = ""
    calibrated: date | None = None
    certificate: str = ""

    def __post_init__(self) -> None:
        """Raise `SettingsError` for an impossible pixel size, or a name without one magnification."""
        check_fields(self)
        one = len(magnifications_in(self.name)) == 1
        require(one, f"name = {self.name!r} states no magnification; write it as names do, such as 200x.")

    @property
    def magnification(self) -> float:
        """Return the magnification that the name states."""
        return magnifications_in(self.name)[0]


@dataclass(frozen=True)
class CalibrationSettings:
    """Say what the user knows of the pixel size: um per px, or magnification with the camera's pixel.

    `objectives` let a magnification in a file's name count, and so does `camera_um` alone. `read_scale_bar` also looks
    for a burnt-in bar; `scale_bar_um` is its length where the number beside it is not to be read. `mixed` holds globs
    of statements under which names state different magnifications, each with these in words; the glob is empty for
    what the command line states.
    """

    um_per_px: UmPerPx = None
    magnification: Annotated[
        float | None,
        Option(
            "Magnification on the camera, without the eyepiece; needs --camera-um.",
            POSITIVE_NUMBER,
            panel=Panel.PIXEL_SIZE,
        ),
    ] = None
    camera_um: Annotated[
        float | None,
        Option(
            "Pitch of the camera's pixels in um; alone, a magnification in a file's name counts (_200x).",
            POSITIVE_NUMBER,
            panel=Panel.PIXEL_SIZE,
        ),
    ] = None
    rules: tuple[PixelSizeRule, ...] = ()
    objectives: tuple[Objective, ...] = ()
    mixed: tuple[tuple[str, str], ...] = ()
    read_scale_bar: Annotated[
        bool, Option("Find a burnt-in scale bar and read the number beside it.", panel=Panel.PIXEL_SIZE)
    ] = False
    scale_bar_um: Annotated[
        float | None,
        Option(
            "Length of the burnt-in scale bars in um, instead of reading the number.",
            POSITIVE_NUMBER,
            panel=Panel.PIXEL_SIZE,
        ),
    ] = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for half a statement or an impossible one."""
        check_fields(self)
        _check_together(self)

    @property
    def stated_um_per_px(self) -> float | None:
        """Return the pixel size that the user states, None when nothing is stated."""
        return _stated_um_per_px(self.um_per_px, self.magnification, self.camera_um)

    def rule_for(self, name: str) -> PixelSizeRule | None:
        """Return the first rule whose glob fits a file's name."""
        return next((rule for rule in self.rules if fits(name, rule.glob)), None)

    @property
    def states_a_size(self) -> bool:
        """Return whether one pixel size is stated for many files."""
        return any(um is not None for um in (self.stated_um_per_px, *(rule.stated_um_per_px for rule in self.rules)))

    def camera_for(self, name: str) -> float | None:
        """Return the pitch of the pixels, in um, of the camera that made a file, None when it is not known."""
        rule = self.rule_for(name)
        return (rule.camera_um if rule else None) or self.camera_um

    def objective_for(self, name: str, magnification: float) -> Objective | None:
        """Return the objective of that magnification on the microscope that made a file."""
        fitting = (one for one in self.objectives if one.magnification == magnification)
        return next((one for one in fitting if fits(name, one.glob)), None)


def _check_together(stated: PixelSizeRule | CalibrationSettings) -> None:
    """Raise `SettingsError` where one statement lacks another or contradicts it, in the names of options or keys."""
    kind: type = type(stated)
    called = {declared.name: declared.flag for declared in declared_fields(kind)}
    um_per_px, magnification, camera_um = (called[name] for name in ("um_per_px", "magnification", "camera_um"))
    require(stated.magnification is None or stated.camera_um is not None, f"{magnification} needs {camera_um}.")
    both = stated.um_per_px is not None and stated.magnification is not None
    require(not both, f"Give {um_per_px} or {magnification}, not both.")


def _stated_um_per_px(um_per_px: float | None, magnification: float | None, camera_um: float | None) -> float | None:
    if magnification is not None and camera_um is not None:
        return camera_um / magnification
    return um_per_px
