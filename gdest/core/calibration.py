"""Hold what the user knows of the pixel size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gdest.core.errors import require
from gdest.core.option import POSITIVE_NUMBER, Option, check_fields, declared_fields

UmPerPx = Annotated[float | None, Option("Pixel size of every image, um per px.", POSITIVE_NUMBER)]


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
class CalibrationSettings:
    """Say what the user knows of the pixel size: um per px, or magnification with the camera's pixel.

    `camera_um` alone lets a magnification in a file's name count. `read_scale_bar` also looks for a
    burnt-in bar; `scale_bar_um` is its length where the number beside it is not to be read.
    """

    um_per_px: UmPerPx = None
    magnification: Annotated[
        float | None, Option("Magnification on the camera; needs --camera-um.", POSITIVE_NUMBER)
    ] = None
    camera_um: Annotated[
        float | None,
        Option(
            "Pitch of the camera's pixels in um; alone, a magnification in a file's name counts (_200x).",
            POSITIVE_NUMBER,
        ),
    ] = None
    rules: tuple[PixelSizeRule, ...] = ()
    read_scale_bar: Annotated[bool, Option("Find a burnt-in scale bar and read the number beside it.")] = False
    scale_bar_um: Annotated[
        float | None,
        Option("Length of the burnt-in scale bars in um, instead of reading the number.", POSITIVE_NUMBER),
    ] = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for half a statement or an impossible one."""
        check_fields(self)
        _check_together(self)

    @property
    def stated_um_per_px(self) -> float | None:
        """Return the pixel size that the user states, None when nothing is stated."""
        return _stated_um_per_px(self.um_per_px, self.magnification, self.camera_um)


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
