"""Choose a micrograph's pixel size among what the user, the archive's rules and the file say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from gdest.core import CalibrationSettings, MicrographError, PixelSize, PixelSizeRule, PixelSizeSource

FIELD_UM = (20.0, 50_000.0)
"""The width of a field of view that a light microscope or a stitched scan can have."""

AGREE_WITHIN = 0.02
"""Pixel sizes that differ by more than 2 % (0.06 G) contradict each other; a wrong objective is 100 %."""

MAGNIFICATION = re.compile(r"(?<![0-9a-z.,])([0-9]{1,5}(?:[.,][0-9]+)?)[x\N{MULTIPLICATION SIGN}](?![0-9a-z])", re.I)
"""`200x`, `_500X`, `50,5x` as a word of its own; `1280x960` is a size and `x20` a count."""


def choose_pixel_size(
    name: str, calibration: CalibrationSettings, in_file: Sequence[PixelSize], rows: int, cols: int
) -> tuple[PixelSize | None, tuple[str, ...]]:
    """Return the pixel size of a file of that name, None when nothing is known, and the reasons for doubt.

    `in_file` is what the file says, strongest first. What the user or a rule states must be plausible: a field
    outside 20 um .. 50 mm raises `MicrographError`. What the file says and is not plausible is left out.
    """
    stated, trusted = _stated(name, calibration)
    for size in stated:
        _check_field(size, rows, cols)
    plausible = [size for size in (*in_file, *_from_name(name, calibration)) if _is_plausible(size, rows, cols)]
    plausible.sort(key=lambda size: size.source == PixelSizeSource.SCALE_BAR)  # last: it is measured in the picture
    sizes = stated if trusted else [*stated, *plausible]
    if not sizes:
        return None, tuple(f"{_text(size)} makes no plausible field" for size in in_file)
    first = sizes[0].um_per_px
    if all(abs(size.um_per_px - first) <= AGREE_WITHIN * first for size in sizes):
        return sizes[0], ()
    return sizes[0], (f"pixel sizes disagree: {', '.join(_text(size) for size in sizes)}",)


def _text(size: PixelSize) -> str:
    return f"{size.um_per_px:.5g} um/px ({size.source})"


def _stated(name: str, calibration: CalibrationSettings) -> tuple[list[PixelSize], bool]:
    """Return what the command line and the first rule for the name state, and whether the file is not asked."""
    stated, trusted = [], False
    if calibration.stated_um_per_px is not None:
        stated.append(PixelSize(calibration.stated_um_per_px, PixelSizeSource.COMMAND_LINE))
    rule = _rule_for(name, calibration)
    if rule is not None and rule.stated_um_per_px is not None:
        stated.append(PixelSize(rule.stated_um_per_px, PixelSizeSource.RULE))
        trusted = rule.trust
    return stated, trusted


def _rule_for(name: str, calibration: CalibrationSettings) -> PixelSizeRule | None:
    return next((rule for rule in calibration.rules if fnmatchcase(name, rule.glob)), None)


def _from_name(name: str, calibration: CalibrationSettings) -> Iterator[PixelSize]:
    """Yield the size by the magnification in the file's name, else in the nearest folder's, if the camera is known."""
    rule = _rule_for(name, calibration)
    camera_um = (rule.camera_um if rule else None) or calibration.camera_um
    path = PurePosixPath(name)
    for part in (path.stem, *reversed(path.parts[:-1])):
        found = MAGNIFICATION.findall(part.replace("_", " "))
        if len(found) == 1 and camera_um is not None:
            magnification = float(found[0].replace(",", "."))
            if magnification > 0:
                yield PixelSize(camera_um / magnification, PixelSizeSource.FILE_NAME)
        if found:
            return


def _is_plausible(size: PixelSize, rows: int, cols: int) -> bool:
    return FIELD_UM[0] <= size.um_per_px * max(rows, cols) <= FIELD_UM[1]


def _check_field(size: PixelSize, rows: int, cols: int) -> None:
    if not _is_plausible(size, rows, cols):
        raise MicrographError(
            f"the stated {size.um_per_px:g} um/px makes the field {size.um_per_px * max(rows, cols):g} um wide; "
            f"{FIELD_UM[0]:g}..{FIELD_UM[1]:g} um is plausible"
        )
