"""Choose a micrograph's pixel size among what the user, the archive's rules and the file say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import isnan

from gdest.core import (
    PIXEL_SIZES_DISAGREE,
    CalibrationSettings,
    GradeSettings,
    MicrographError,
    PixelSize,
    PixelSizeSource,
    in_words,
    magnification_of_name,
)

FIELD_UM = (20.0, 50_000.0)
"""The width of a field of view that a light microscope or a stitched scan can have."""

AGREE_WITHIN = 0.02
"""Pixel sizes that differ by more than 2 % (0.06 G) contradict each other; a wrong objective is 100 %."""

LIGHT_UM_PER_PX = 0.05
"""Light resolves some 0.2 um (Abbe, numerical aperture 1.4); a quarter of it is the finest pixel that a lab uses."""

ELECTRON_SOURCES = (PixelSizeSource.ZEISS_TAG, PixelSizeSource.FEI_TAG)
"""Tags that electron microscopes write, which have no such limit."""

CAMERA_UM = (2.2, 2.4, 2.74, 3.2, 3.45, 3.63, 3.75, 3.76, 3.8, 4.4, 4.54, 4.65)
"""Pitches of the pixels of common microscope cameras, in um, from the data sheets of their sensors.

A program that knows no objective writes the pitch into the resolution tags.
"""

PITCH_WITHIN = 0.003


def choose_pixel_size(
    name: str, calibration: CalibrationSettings, in_file: Sequence[PixelSize], rows: int, cols: int
) -> tuple[PixelSize | None, tuple[str, ...]]:
    """Return the pixel size of a file of that name, None when nothing is known, and the reasons for doubt.

    `in_file` is what the file says, strongest first. What the user or a rule states must be plausible: a field
    outside 20 um .. 50 mm raises `MicrographError`. What the file says and is not plausible is left out, which is a
    reason for doubt too. A rule with `trust` is compared with nothing.
    """
    stated, trusted = _stated(name, calibration)
    for size in stated:
        _check_field(size, rows, cols)
    if trusted:
        return stated[0], (*_contradictions(stated), *_limits_of_light(stated[0]))
    told = [
        _judged(size, calibration.camera_for(name), rows, cols) for size in (*in_file, *_by_camera(name, calibration))
    ]
    told.sort(key=lambda size: size.source == PixelSizeSource.SCALE_BAR)  # last: it is measured in the picture
    sizes = [*stated, *(size for size in told if not size.dropped)]
    doubts = [*_contradictions(sizes), *_doubts_of_name(name, calibration, stated)]
    # a tag that nobody can read contradicts nothing that the user states
    left_out = [size for size in told if size.dropped and not (stated and isnan(size.um_per_px))]
    doubts += [f"{_text(size)} left out: {size.dropped}" for size in left_out]
    if not sizes:
        return None, tuple(doubts)
    return sizes[0], (*doubts, *_limits_of_light(sizes[0]), *_limits_of_tags(sizes[0]))


def with_mixed_names(settings: GradeSettings, names: Iterable[str]) -> GradeSettings:
    """Return the settings with the statements of one pixel size under which names state different magnifications.

    Such a statement is wrong for some of its files. A magnification whose pixel size is known by itself, through an
    objective or the camera, is compared file by file instead.
    """
    calibration = settings.calibration
    under: dict[str, set[float]] = {}
    for name in names:
        magnification, _ = magnification_of_name(name)
        key = _key_of_statement(name, calibration)
        if key is not None and magnification is not None and _size_by_name(name, magnification, calibration) is None:
            under.setdefault(key, set()).add(magnification)
    mixed = ((key, in_words(tuple(sorted(found)))) for key, found in under.items() if len(found) > 1)
    return replace(settings, calibration=replace(calibration, mixed=tuple(sorted(mixed))))


def _text(size: PixelSize) -> str:
    if isnan(size.um_per_px):
        return f"the pixel size ({size.source})"
    return f"{size.um_per_px:.5g} um/px ({size.source})"


def _stated(name: str, calibration: CalibrationSettings) -> tuple[list[PixelSize], bool]:
    """Return what the command line, the first rule and the table of objectives state of a file of that name.

    Also return whether a rule is the last word; its size then stands alone unless the command line states one too.
    """
    stated = []
    if calibration.stated_um_per_px is not None:
        stated.append(PixelSize(calibration.stated_um_per_px, PixelSizeSource.COMMAND_LINE))
    rule = calibration.rule_for(name)
    trusted = rule is not None and rule.trust and rule.stated_um_per_px is not None
    if rule is not None and rule.stated_um_per_px is not None:
        stated.append(PixelSize(rule.stated_um_per_px, PixelSizeSource.RULE))
    magnification, _ = magnification_of_name(name)
    objective = None if magnification is None else calibration.objective_for(name, magnification)
    if objective is not None and not trusted:
        stated.append(PixelSize(objective.um_per_px, PixelSizeSource.OBJECTIVE))
    return stated, trusted


def _by_camera(name: str, calibration: CalibrationSettings) -> Iterator[PixelSize]:
    """Yield the size by the magnification in a name and the pitch of the camera, where no objective states it."""
    magnification, _ = magnification_of_name(name)
    camera_um = calibration.camera_for(name)
    if magnification is not None and camera_um is not None and not calibration.objective_for(name, magnification):
        yield PixelSize(camera_um / magnification, PixelSizeSource.FILE_NAME)


def _size_by_name(name: str, magnification: float, calibration: CalibrationSettings) -> float | None:
    objective, camera_um = calibration.objective_for(name, magnification), calibration.camera_for(name)
    if objective is not None:
        return objective.um_per_px
    return None if camera_um is None else camera_um / magnification


def _key_of_statement(name: str, calibration: CalibrationSettings) -> str | None:
    """Return the glob of the rule that states one pixel size for a name, empty for the command line; None for none."""
    if calibration.stated_um_per_px is not None:
        return ""
    rule = calibration.rule_for(name)
    states = rule is not None and rule.stated_um_per_px is not None and not rule.trust
    return rule.glob if rule is not None and states else None


def _judged(size: PixelSize, camera_um: float | None, rows: int, cols: int) -> PixelSize:
    """Return what a file says, with the reason if it does not count."""
    if size.dropped:
        return size
    if not _is_plausible(size, rows, cols):
        return replace(size, dropped=f"it would make the field {size.um_per_px * max(rows, cols):.3g} um wide")
    bare = size.source == PixelSizeSource.TIFF_RESOLUTION
    if bare and camera_um is not None and abs(size.um_per_px - camera_um) <= PITCH_WITHIN * camera_um:
        return replace(size, dropped="it is the pitch of the camera's pixels")
    return size


def _contradictions(sizes: Sequence[PixelSize]) -> Iterator[str]:
    first = sizes[0].um_per_px if sizes else 0.0
    if not all(abs(size.um_per_px - first) <= AGREE_WITHIN * first for size in sizes):
        yield f"{PIXEL_SIZES_DISAGREE}: {', '.join(_text(size) for size in sizes)}"


def _doubts_of_name(name: str, calibration: CalibrationSettings, stated: Sequence[PixelSize]) -> Iterator[str]:
    """Yield why the magnification in a name and the pixel sizes that the user states do not go together."""
    magnification, several = magnification_of_name(name)
    counts = bool(stated) or bool(calibration.objectives) or calibration.camera_for(name) is not None
    if several and counts:
        yield several
    if magnification is None:
        return
    if calibration.objectives and _size_by_name(name, magnification, calibration) is None and not stated:
        yield f"its name says {magnification:g}x, which no [[objective]] in gdest.toml states"
    key = _key_of_statement(name, calibration)
    words = dict(calibration.mixed).get(key) if key is not None else None
    if words and _size_by_name(name, magnification, calibration) is None:
        yield f"one pixel size is stated for names that say {words}"


def _limits_of_light(size: PixelSize) -> Iterator[str]:
    """Yield why a pixel size is finer than a light microscope's can be."""
    if size.um_per_px < LIGHT_UM_PER_PX and size.source not in ELECTRON_SOURCES:
        limit = f"{_text(size)} is finer than light resolves ({LIGHT_UM_PER_PX:g} um/px)"
        yield f"{limit}; a magnification must be that on the camera, without the eyepiece"


def _limits_of_tags(size: PixelSize) -> Iterator[str]:
    """Yield why a resolution tag may hold the pitch of a camera."""
    pitch = next((um for um in CAMERA_UM if abs(size.um_per_px - um) <= PITCH_WITHIN * um), None)
    if pitch is not None and size.source == PixelSizeSource.TIFF_RESOLUTION:
        yield f"{_text(size)} is a pitch of cameras' pixels; the objective may not be in it"


def _is_plausible(size: PixelSize, rows: int, cols: int) -> bool:
    return FIELD_UM[0] <= size.um_per_px * max(rows, cols) <= FIELD_UM[1]


def _check_field(size: PixelSize, rows: int, cols: int) -> None:
    if not _is_plausible(size, rows, cols):
        raise MicrographError(
            f"the stated {size.um_per_px:g} um/px makes the field {size.um_per_px * max(rows, cols):g} um wide; "
            f"{FIELD_UM[0]:g}..{FIELD_UM[1]:g} um is plausible, and a magnification must be that on the camera"
        )
