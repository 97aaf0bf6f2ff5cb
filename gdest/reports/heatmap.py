"""Draw a grade map over its micrograph, on the one scale of every run and on a scale round its own G."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gdest.core import Graded, spread_tiles
from gdest.reports.few_greys import FEW, LEVELS, drawn_size, few_greys, shrunk
from gdest.reports.fine_map import fine_grades, place_px
from gdest.reports.lettering import FOOTER_PX, HEADER_PX, font, frame, write_on
from gdest.reports.packing import save_pixels
from gdest.reports.picture_paths import picture_path
from gdest.reports.scale import BAR_PX, Scale, colour_bar, colour_table, run_scale, scale_around

OPACITY, UNDER_COLOURS = 0.6, 16
"""Below a colour half of the few greys look the same, and are packed to three quarters of the size."""

LONGEST_PX = 960
"""Longest side; drawing and packing a larger picture takes a third of the network's time for the micrograph."""

PANEL_PX = 720
"""Longest side of each of two maps; together they are a third larger than one of `LONGEST_PX`."""

TITLE_PX = 36
ALL_COLOURS, FEW_COLOURS = 1, 4
"""Of a map that runs smoothly every fourth colour looks the same, and is packed to an eighth less."""

HATCH_PX, HATCH_GREY = 12, 90
"""Tiles left out because they show a banner, a scale bar, mounting or a reflection are hatched in grey."""

ROOM_PX = 40, 22
"""Width and height that the G of a tile needs; in a row of smaller tiles some are left without."""


def heatmap_name(file_name: str) -> str:
    """Return the heatmap's path relative to the output folder; the file's own suffix is kept."""
    return picture_path("heatmaps", file_name, ".png")


def write_heatmap(graded: Graded, path: Path) -> None:
    """Write the heatmap PNG of one micrograph; raise `OutputError` when it cannot be written."""
    save_pixels(draw_both_scales(graded, shrunk(graded.micrograph.pixels, PANEL_PX)), path)


def draw_both_scales(graded: Graded, shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the heatmap twice in a frame with name, G, interval and um bar, (rows, cols, 3).

    Left on the scale of every run, by tiles; right on that of 2 G to either side of the micrograph's own G, finer than
    tiles where the network tells it. `shown` are the micrograph's grey pixels in the size of each map.
    """
    title, micrograph = _title(graded), graded.micrograph
    (rows, width), finer = shown.shape, place_px(graded.grade_map)
    panel = width + BAR_PX
    titles = {0: "one scale for all", panel: f"its own G ± 2{'' if finer is None else f', every {finer} px, smoothed'}"}
    um_per_px = micrograph.um_per_px and micrograph.um_per_px * micrograph.cols / width
    canvas = frame((rows, 2 * panel, 3), micrograph.file.name, told_of(graded), titles, um_per_px, width)
    maps = canvas[HEADER_PX:-FOOTER_PX]
    own = scale_around(graded.g_seen + graded.shift, title)
    _draw_tiles(maps[:, :panel], graded, run_scale(title), shown)
    (_draw_tiles if finer is None else _draw_finer)(maps[:, panel:], graded, own, shown)
    return canvas


def told_of(graded: Graded) -> str:
    """Return what a picture tells of its micrograph: G, its interval where it has one, and its status."""
    found = graded.statistics
    if graded.shows_no_metal:
        return f"no metal, or no grain structure, is seen: {graded.status}"
    if found is None:
        return f"G seen {graded.g_seen:.1f}, {graded.status}"
    interval = f" ({found.g_low:.1f}..{found.g_high:.1f})" if np.isfinite([found.g_low, found.g_high]).all() else ""
    return f"G {found.g:.1f}{interval} estimated, {graded.status}"


def _title(graded: Graded) -> str:
    return "G" if graded.statistics else "G seen"


def draw_heatmap(graded: Graded, scale: Scale | None = None, longest_px: int = LONGEST_PX) -> Image.Image:
    """Return the micrograph under its tile grades, with a colour bar; what has no grade is grey and hatched.

    G stands in each tile that has room for it. The bar says whether G is calibrated or, without a pixel size, as seen.
    """
    shown = shrunk(graded.micrograph.pixels, longest_px)
    canvas = np.empty((shown.shape[0], shown.shape[1] + BAR_PX, 3), np.uint8)
    _draw_tiles(canvas, graded, scale or run_scale(_title(graded)), shown)
    return Image.fromarray(canvas)


def _draw_tiles(canvas: NDArray[np.uint8], graded: Graded, scale: Scale, shown: NDArray[np.uint8]) -> None:
    """Draw the map by tiles with the G of each, and its colour bar."""
    _draw_with_grades(canvas, graded, scale, draw_map(graded, scale, shown))


def _draw_finer(canvas: NDArray[np.uint8], graded: Graded, scale: Scale, shown: NDArray[np.uint8]) -> None:
    """Draw the micrograph under G at each of its places, with the G of each tile and a colour bar."""
    steps = fine_grades(graded, shown.shape[::-1], scale.steps)
    _draw_with_grades(canvas, graded, scale, _coloured(shown, steps, FEW_COLOURS))


def draw_map(graded: Graded, scale: Scale, shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the grey pixels of a micrograph, shrunk to any size, under the colours of its tiles: (rows, cols, 3)."""
    # colouring tiles before they are spread takes a fifth of the time
    return _coloured(shown, _spread(graded, shown.shape, scale.steps))


def draw_grades(
    pixels: NDArray[np.uint8], grades: NDArray[np.float32], title: str, longest_px: int = LONGEST_PX
) -> Image.Image:
    """Return grey pixels (rows, cols) under their grades, NaN transparent, with a titled colour bar."""
    spread = Image.fromarray(grades).resize(drawn_size(pixels, longest_px), Image.Resampling.NEAREST)
    scale = run_scale(title)
    picture = _coloured(shrunk(pixels, longest_px), scale.steps(np.asarray(spread)))
    return Image.fromarray(np.concatenate([picture, colour_bar(len(picture), scale)], axis=1))


def _coloured(shown: NDArray[np.uint8], steps: NDArray[np.uint8], every: int = ALL_COLOURS) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) under colours, the places of their grades in the table: (rows, cols, 3)."""
    place = np.left_shift(steps, 5, dtype=np.uint16)
    place |= few_greys(shown)
    mixed = np.take(_blended(every), place, axis=0, mode="clip")
    unknown = steps == 0
    if unknown.any() and not unknown.all():
        mixed[unknown & diagonals(unknown.shape)] = HATCH_GREY
    return mixed


def _draw_with_grades(canvas: NDArray[np.uint8], graded: Graded, scale: Scale, drawn: NDArray[np.uint8]) -> None:
    """Draw a map and its colour bar, and write G into the middle of each tile that has room, or every second..."""
    grade_map, micrograph, width = graded.grade_map, graded.micrograph, drawn.shape[1]
    canvas[:, :width], canvas[:, width:] = drawn, colour_bar(len(canvas), scale)
    if graded.shows_no_metal:  # what was read off such a picture is no G
        return
    grid = grade_map.grid
    by = width / micrograph.cols / grade_map.zoom
    rows, cols = (
        _apart(starts, grid.tile_px, by, room) for starts, room in ((grid.tops, ROOM_PX[1]), (grid.lefts, ROOM_PX[0]))
    )
    for row, y in rows:
        for col, x in cols:
            g = float(grade_map.g_seen[row, col]) + graded.shift
            if np.isfinite(g):
                write_on(canvas[:, :width], f"{g:.1f}", y, x)


def _apart(starts: Sequence[int], tile_px: int, by: float, room_px: int) -> list[tuple[int, float]]:
    """Return (number, middle in drawn px) of the tiles along one side that are at least `room_px` apart."""
    kept: list[tuple[int, float]] = []
    for number, start in enumerate(starts):
        middle = (start + tile_px / 2) * by
        if middle - (kept[-1][1] if kept else -room_px / 2) >= room_px:
            kept.append((number, middle))
    return kept


def side_by_side(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Return pictures in a row, each under its title."""
    width, height = sum(one.width for _, one in pictures), max(one.height for _, one in pictures)
    canvas = Image.new("RGB", (width, height + TITLE_PX), "white")
    left = 0
    for title, one in pictures:
        ImageDraw.Draw(canvas).text((left + 8, 8), title, fill="black", font=font(18))
        canvas.paste(one, (left, TITLE_PX))
        left += one.width
    return canvas


def pixel_grades(graded: Graded) -> NDArray[np.float32]:
    """Return G at each pixel that the micrograph holds (rows, cols), float32: the mean of the tiles that cover it.

    A micrograph that is read region by region holds only every second (fourth...) pixel, for drawing.
    """
    return _spread(graded, graded.micrograph.pixels.shape, np.asarray)


def _spread(
    graded: Graded, shape: tuple[int, ...], paint: Callable[[NDArray[np.float32]], NDArray[Any]]
) -> NDArray[Any]:
    """Return what `paint` makes of G, for each pixel of the micrograph drawn in a size (rows, cols)."""
    grade_map, micrograph = graded.grade_map, graded.micrograph
    rows, cols = (int(np.ceil(side * grade_map.zoom)) for side in (micrograph.rows, micrograph.cols))
    height, width = shape
    return spread_tiles(grade_map.g_seen + np.float32(graded.shift), grade_map.grid, rows, cols, (height, width), paint)


@cache
def _blended(every: int) -> NDArray[np.uint8]:
    """Return each of the few greys under every so manieth colour, one after the other, (256 * `FEW`, 3).

    The greys alone stand first, for what has no grade.
    """
    steps = np.array([step // every * every + every // 2 for step in range(1, 256)])
    greys = np.broadcast_to(LEVELS[None, :, None].astype(np.float32), (256, FEW, 3)).copy()
    greys[1:] = np.round(np.arange(FEW) * UNDER_COLOURS // FEW * (255 / (UNDER_COLOURS - 1)))[None, :, None]
    greys[1:] += np.float32(OPACITY) * (colour_table()[steps, None].astype(np.float32) - greys[1:])
    return greys.astype(np.uint8).reshape(256 * FEW, 3)


def diagonals(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where diagonal lines run that show what was left out, (rows, cols)."""
    lines = np.add.outer(np.arange(HATCH_PX), np.arange(shape[1])) % HATCH_PX < 2
    return lines[np.arange(shape[0]) % HATCH_PX]
