"""Draw what was counted over its micrograph: boundaries, twins, particles, test lines and the largest grain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gdest.core import Graded, GrainCount, Mark, Micrograph, Overlay, printable
from gdest.reports.few_greys import FEW, LEVELS, few_greys, shrunk
from gdest.reports.heatmap import HATCH_GREY, diagonals, told_of
from gdest.reports.lettering import FOOTER_PX, HEADER_PX, font, frame
from gdest.reports.picture_paths import picture_path

LONGEST_PX = 1600
"""Longest side; a boundary is one line in a picture of 12 megapixels, whose map has cells of 2 px."""

LEGEND_PX = 150
COUNTED = "boundaries that were counted"
OUTLINE_PX, ENTRY_PX = 3, 22


@dataclass(frozen=True)
class Look:
    """Say how a mark is drawn: its name, its colour, how much of it covers the picture."""

    name: str
    colour: tuple[int, int, int]
    opacity: float


LOOKS = {
    Mark.LEFT_OUT: Look("left out", (HATCH_GREY,) * 3, 1.0),
    Mark.LINE: Look("test line", (0, 0, 0), 0.7),
    Mark.GRAIN: Look("grain boundary", (213, 94, 0), 1.0),
    Mark.TWIN: Look("twin boundary", (86, 180, 233), 1.0),
    Mark.PARTICLE: Look("particle, pore", (240, 228, 66), 0.7),
    Mark.LARGEST: Look("largest grain", (204, 0, 204), 1.0),
    Mark.HIT: Look("intercept", (255, 255, 255), 1.0),
}
"""What lies below comes first. The colours are Okabe and Ito's, which the colour-blind tell apart, but for the outline
of the largest grain, which is told by its width."""

ORDER = tuple(LOOKS)


def overlay_name(file_name: str) -> str:
    """Return the overlay's path relative to the output folder."""
    return picture_path("overlays", file_name, ".png")


def has_overlay(count: GrainCount | None) -> bool:
    """Return whether there is something to draw: marks, or a number of grains to be believed."""
    return count is not None and bool(count.overlays or np.isfinite(count.grains))


def layer_name(file_name: str) -> str:
    """Return the path of the marks alone, relative to the output folder."""
    return picture_path("layers", file_name, ".png")


def draw_overlay(graded: Graded) -> Image.Image:
    """Return the micrograph under what was counted on it, of a row that has a count, with legend, name and um bar."""
    return draw_overlay_and_layer(graded, shrunk(graded.micrograph.pixels, LONGEST_PX))[0]


def draw_overlay_and_layer(graded: Graded, shown: NDArray[np.uint8]) -> tuple[Image.Image, Image.Image]:
    """Return the overlay, and its marks alone in a palette whose first colour is transparent, of the same size.

    `shown` are the micrograph's grey pixels in that size.
    """
    assert graded.count is not None, "nothing was counted"
    ranks = _ranks_of(graded.micrograph, graded.count, shown)
    return _framed(graded.micrograph, graded.count, shown, ranks, told_of(graded)), _layer(ranks)


def draw_counted(micrograph: Micrograph, count: GrainCount, corrected_by: str = "") -> Image.Image:
    """Return a micrograph under the marks of a count, with legend, name, um bar and who corrected its boundaries."""
    what = f"boundaries corrected by hand by {printable(corrected_by)}" if corrected_by else COUNTED
    shown = shrunk(micrograph.pixels, LONGEST_PX)
    return _framed(micrograph, count, shown, _ranks_of(micrograph, count, shown), "", what)


def _framed(
    micrograph: Micrograph,
    count: GrainCount,
    shown: NDArray[np.uint8],
    ranks: NDArray[np.uint8],
    told: str,
    what: str = COUNTED,
) -> Image.Image:
    um_per_px, (rows, width) = micrograph.um_per_px, ranks.shape
    drawn_um = um_per_px and um_per_px * micrograph.cols / width
    canvas = frame((rows, width + LEGEND_PX), micrograph.file.name, told, {0: what}, drawn_um, width)
    _draw(canvas[HEADER_PX:-FOOTER_PX], shown, ranks, count, float("nan") if um_per_px is None else count.g)
    return _with_palette(canvas)


def _layer(ranks: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(ranks)
    looks = [LOOKS[mark] for mark in ORDER]
    picture.putpalette([0, 0, 0, *(level for look in looks for level in look.colour)])
    picture.info["transparency"] = bytes([0, *(round(255 * look.opacity) for look in looks)])
    return picture


def draw_count(pixels: NDArray[np.uint8], shape: tuple[int, int], count: GrainCount, g: float) -> Image.Image:
    """Return grey pixels under the marks of a count; `shape` is that of the file, `g` the number told, NaN for none.

    The pixels of a picture that was read region by region are thinned; the marks lie as in the file.
    """
    shown = shrunk(pixels, LONGEST_PX)
    canvas = np.empty((shown.shape[0], shown.shape[1] + LEGEND_PX), np.uint8)
    _draw(canvas, shown, _ranks(count.overlays, shape, shown.shape), count, g)
    return _with_palette(canvas)


def _draw(
    canvas: NDArray[np.uint8], shown: NDArray[np.uint8], ranks: NDArray[np.uint8], count: GrainCount, g: float
) -> None:
    """Draw grey pixels under marks, and the legend beside them, as places in the palette."""
    places = np.left_shift(ranks, 5)
    places |= few_greys(shown)
    canvas[:, : ranks.shape[1]] = np.asarray(Image.fromarray(places).point(_palette()[1]))
    present = [mark for rank, mark in enumerate(ORDER, start=1) if (ranks == rank).any()]
    canvas[:, ranks.shape[1] :] = _legend(len(ranks), present, _told(count, g))


@cache
def _palette() -> tuple[bytes, list[int]]:
    """Return 256 colours, the few greys alone and then under each mark, and the place to take for each of them.

    A mark that hides the greys takes one place, so that it is packed as one. The places that the first mark leaves free
    so hold the colour of each mark by itself, for the legend.
    """
    colours = np.zeros((len(ORDER) + 1, FEW, 3), np.uint8)
    greys = LEVELS[:, None]
    colours[0] = greys
    taken = np.arange(256).reshape(-1, FEW)
    for rank, mark in enumerate(ORDER, start=1):
        look = LOOKS[mark]
        colours[rank] = np.round(look.opacity * np.array(look.colour) + (1.0 - look.opacity) * greys)
        if look.opacity == 1.0:
            taken[rank] = taken[rank, 0]
    colours[1, 1 : len(ORDER) + 1] = [LOOKS[mark].colour for mark in ORDER]
    return colours.tobytes(), taken.ravel().tolist()


def _with_palette(places: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(places)
    picture.putpalette(_palette()[0])
    return picture


def _ranks_of(micrograph: Micrograph, count: GrainCount, shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return _ranks(count.overlays, (micrograph.rows, micrograph.cols), shown.shape)


def _ranks(overlays: Sequence[Overlay], shape: tuple[int, int], drawn: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return for each drawn pixel the uppermost of the marks that fall on it, its place in `ORDER` from 1, 0 for none.

    A line one cell wide is drawn also where several cells fall on one pixel. What was left out is hatched.
    """
    rank_of = np.zeros(256, np.uint8)
    for rank, mark in enumerate(ORDER, start=1):
        rank_of[mark] = rank
    ranks = np.zeros(drawn, np.uint8)
    scale = drawn[0] / shape[0], drawn[1] / shape[1]
    for overlay in overlays:
        begin = [round(at * by) for at, by in zip((overlay.top, overlay.left), scale, strict=True)]
        sides = [max(1, round(n * overlay.cell_px * by)) for n, by in zip(overlay.marks.shape, scale, strict=True)]
        part = _uppermost(_uppermost(rank_of[overlay.marks], sides[1], 1), sides[0], 0)
        place = ranks[begin[0] : begin[0] + sides[0], begin[1] : begin[1] + sides[1]]
        np.maximum(place, part[: place.shape[0], : place.shape[1]], out=place)
    left_out = ranks == ORDER.index(Mark.LEFT_OUT) + 1
    if left_out.any():
        ranks[left_out & ~diagonals(ranks.shape)] = 0
    return _outlined(ranks)


def _uppermost(ranks: NDArray[np.uint8], side: int, axis: int) -> NDArray[np.uint8]:
    """Return ranks stretched along an axis, or shrunk to the uppermost of those that fall together."""
    starts = np.arange(side) * ranks.shape[axis] // side
    if side < ranks.shape[axis]:
        return np.asarray(np.maximum.reduceat(ranks, starts, axis=axis))
    return np.asarray(ranks.take(starts, axis=axis))


def _outlined(ranks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the ranks with hits as dots and a bold outline of the largest grain, be it marked by its rim or whole."""
    hit = ORDER.index(Mark.HIT) + 1
    row, col = np.divmod(np.flatnonzero(ranks == hit), ranks.shape[1])
    for down, across in np.ndindex(3, 3):
        at = row + down - 1, col + across - 1
        inside = (at[0] >= 0) & (at[0] < ranks.shape[0]) & (at[1] >= 0) & (at[1] < ranks.shape[1])
        ranks[at[0][inside], at[1][inside]] = hit
    largest = ORDER.index(Mark.LARGEST) + 1
    marked = ranks == largest
    rows = np.flatnonzero(marked.any(axis=1))
    if not len(rows):
        return ranks
    cols = np.flatnonzero(marked[rows[0] : rows[-1] + 1].any(axis=0))
    down, across = (slice(max(0, at[0] - OUTLINE_PX), at[-1] + 1 + OUTLINE_PX) for at in (rows, cols))
    box = down, across
    rim = marked[box] & _near(~marked[box], 2)
    line = _near(rim, OUTLINE_PX // 2)
    part = ranks[box]
    part[marked[box]] = 0
    part[line & (part < largest)] = largest
    return ranks


def _near(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Return the pixels (rows, cols) that lie in a square of so many px to each side round one of a mask."""
    for _ in range(2):  # along the columns, then along the rows
        grown = mask.copy()
        for by in range(1, reach + 1):
            grown[by:] |= mask[:-by]
            grown[:-by] |= mask[by:]
        mask = grown.T
    return mask


def _told(count: GrainCount, g: float) -> tuple[str, ...]:
    """Return the lines above the legend: the number, its interval, how much was counted."""
    lines = []
    if np.isfinite(g):
        lines.append(f"G {g:.1f} counted")
        if np.isfinite(count.g_low) and np.isfinite(count.g_high):
            lines.append(f"95 %: {count.g_low:.1f}..{count.g_high:.1f}")
    for number, what in ((count.grains, "grains"), (count.intercepts, "intercepts")):
        if np.isfinite(number):
            lines.append(f"{number:.0f} {what}")
    return tuple(lines)


def _legend(height: int, marks: Sequence[Mark], lines: Sequence[str]) -> NDArray[np.uint8]:
    """Return the lines that are told, and below them the names of the marks, as places in the palette (rows, cols)."""
    picture = Image.new("L", (LEGEND_PX, height), "white")
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((10, 12 + 20 * number), line, fill="black", font=font(14))
    legend = few_greys(np.asarray(picture))
    top = 16 + 20 * len(lines)
    for number, mark in enumerate(marks):
        place = legend[top + ENTRY_PX * number :][:ENTRY_PX]
        place[...] = _entry(mark)[: len(place)]
    return legend


@cache
def _entry(mark: Mark) -> NDArray[np.uint8]:
    """Return how a mark is drawn and its name, as places in the palette (rows, cols)."""
    look, swatch = LOOKS[mark], (10, 4, 28, 18)
    picture = Image.new("L", (LEGEND_PX, ENTRY_PX), "white")
    ImageDraw.Draw(picture).text((34, 11), look.name, fill="black", font=font(14), anchor="lm")
    places = Image.fromarray(few_greys(np.asarray(picture)))
    draw, colour = ImageDraw.Draw(places), FEW + 1 + ORDER.index(mark)
    if mark is Mark.LARGEST:
        draw.rectangle(swatch, outline=colour, width=OUTLINE_PX)
    elif mark is Mark.LEFT_OUT:
        draw.rectangle(swatch, outline=colour)
        draw.line((10, 18, 24, 4), fill=colour, width=2)
    else:
        draw.rectangle(swatch, fill=colour, outline=FEW // 2 - 1)
    return np.asarray(places)
