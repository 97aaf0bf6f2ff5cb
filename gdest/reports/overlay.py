"""Draw what was counted over its micrograph: boundaries, twins, particles, test lines and the largest grain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdest.core import Graded, GrainCount, Mark, Micrograph, Overlay, in_whole, printable
from gdest.reports.few_greys import few_greys, shrunk
from gdest.reports.heatmap import diagonals, told_of
from gdest.reports.lettering import FOOTER_PX, HEADER_PX, frame
from gdest.reports.marks import LEGEND_PX, LOOKS, ORDER, OUTLINE_PX, legend, palette, with_palette
from gdest.reports.picture_paths import picture_path

LONGEST_PX = 1600
"""Longest side; a boundary is one line in a picture of 12 megapixels, whose map has cells of 2 px."""

COUNTED = "boundaries that were counted"


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
    g = float("nan") if graded.shows_no_metal else graded.count.g
    return _framed(graded.micrograph, graded.count, shown, ranks, told_of(graded), g), _layer(ranks)


def draw_counted(micrograph: Micrograph, count: GrainCount, corrected_by: str = "") -> Image.Image:
    """Return a micrograph under the marks of a count, with legend, name, um bar and who corrected its boundaries."""
    what = f"boundaries corrected by hand by {printable(corrected_by)}" if corrected_by else COUNTED
    shown = shrunk(micrograph.pixels, LONGEST_PX)
    return _framed(micrograph, count, shown, _ranks_of(micrograph, count, shown), "", count.g, what)


def _framed(
    micrograph: Micrograph,
    count: GrainCount,
    shown: NDArray[np.uint8],
    ranks: NDArray[np.uint8],
    told: str,
    g: float,
    what: str = COUNTED,
) -> Image.Image:
    um_per_px, (rows, width) = micrograph.um_per_px, ranks.shape
    drawn_um = um_per_px and um_per_px * micrograph.cols / width
    canvas = frame((rows, width + LEGEND_PX), micrograph.file.name, told, {0: what}, drawn_um, width)
    _draw(canvas[HEADER_PX:-FOOTER_PX], shown, ranks, count, float("nan") if um_per_px is None else g)
    return with_palette(canvas)


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
    return with_palette(canvas)


def _draw(
    canvas: NDArray[np.uint8], shown: NDArray[np.uint8], ranks: NDArray[np.uint8], count: GrainCount, g: float
) -> None:
    """Draw grey pixels under marks, and the legend beside them, as places in the palette."""
    places = np.left_shift(ranks, 5)
    places |= few_greys(shown)
    canvas[:, : ranks.shape[1]] = np.asarray(Image.fromarray(places).point(palette()[1]))
    present = [mark for rank, mark in enumerate(ORDER, start=1) if (ranks == rank).any()]
    canvas[:, ranks.shape[1] :] = legend(len(ranks), present, _told(count, g))


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
            lines.append(f"{in_whole(number)} {what}")
    if np.isfinite(count.intercepts):
        lines.append("of lines and circles")  # only the circles are drawn
    return tuple(lines)
