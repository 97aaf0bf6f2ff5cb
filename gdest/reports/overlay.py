"""Draw what was counted over its micrograph: boundaries, twins, particles, test lines and the largest grain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from gdest.core import NO_METAL, Graded, GrainCount, Mark, Micrograph, Overlay, printable
from gdest.reports.heatmap import FEW_GREYS, HATCH_GREY, HATCH_PX, drawn_size, told_of
from gdest.reports.lettering import font, framed
from gdest.reports.picture_paths import picture_path

LONGEST_PX = 1600
"""Longest side; a boundary is one line in a picture of 12 megapixels, whose map has cells of 2 px."""

LEGEND_PX = 150
COUNTED = "boundaries that were counted"
OUTLINE_PX = 3
LEGEND_GREY = 148
"""The steel under a line or a dot in the legend."""


@dataclass(frozen=True)
class Look:
    """Say how a mark is drawn: its name, its colour, how much of it covers the picture."""

    name: str
    colour: tuple[int, int, int]
    opacity: float


LOOKS = {
    Mark.LEFT_OUT: Look("left out", (HATCH_GREY,) * 3, 1.0),
    Mark.LINE: Look("test circle", (0, 0, 0), 0.7),
    Mark.GRAIN: Look("grain boundary", (213, 94, 0), 1.0),
    Mark.TWIN: Look("twin boundary", (86, 180, 233), 1.0),
    Mark.PARTICLE: Look("particle, pore", (240, 228, 66), 0.7),
    Mark.LARGEST: Look("largest grain", (204, 0, 204), 1.0),
    Mark.HIT: Look("circle intercept", (255, 255, 255), 1.0),
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
    return draw_overlay_and_layer(graded)[0]


def draw_overlay_and_layer(graded: Graded) -> tuple[Image.Image, Image.Image]:
    """Return the overlay, and its marks alone in a palette whose first colour is transparent, of the same size."""
    assert graded.count is not None, "nothing was counted"
    ranks = _ranks_of(graded.micrograph, graded.count)
    g = float("nan") if graded.reason.startswith(NO_METAL) else graded.count.g
    return _framed(graded.micrograph, graded.count, ranks, told_of(graded), g), _layer(ranks)


def draw_counted(micrograph: Micrograph, count: GrainCount, corrected_by: str = "") -> Image.Image:
    """Return a micrograph under the marks of a count, with legend, name, um bar and who corrected its boundaries."""
    what = f"boundaries corrected by hand by {printable(corrected_by)}" if corrected_by else COUNTED
    return _framed(micrograph, count, _ranks_of(micrograph, count), "", count.g, what)


def _framed(
    micrograph: Micrograph, count: GrainCount, ranks: NDArray[np.uint8], told: str, g: float, what: str = COUNTED
) -> Image.Image:
    um_per_px = micrograph.um_per_px
    picture = _marked(micrograph.pixels, ranks, count, float("nan") if um_per_px is None else g)
    width = ranks.shape[1]
    drawn_um = um_per_px and um_per_px * micrograph.cols / width
    return framed(picture, micrograph.file.name, told, {0: what}, drawn_um, width)


def _layer(ranks: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(_hatched(ranks)).convert("P")
    looks = [LOOKS[mark] for mark in ORDER]
    picture.putpalette([0, 0, 0, *(level for look in looks for level in look.colour)])
    picture.info["transparency"] = bytes([0, *(round(255 * look.opacity) for look in looks)])
    return picture


def draw_count(pixels: NDArray[np.uint8], shape: tuple[int, int], count: GrainCount, g: float) -> Image.Image:
    """Return grey pixels under the marks of a count; `shape` is that of the file, `g` the number told, NaN for none.

    The pixels of a picture that was read region by region are thinned; the marks lie as in the file.
    """
    return _marked(pixels, _ranks(count.overlays, shape, _drawn_shape(pixels)), count, g)


def _marked(pixels: NDArray[np.uint8], ranks: NDArray[np.uint8], count: GrainCount, g: float) -> Image.Image:
    """Return grey pixels under marks in the size of `ranks`, beside the legend."""
    height, width = ranks.shape
    base = Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX).point(FEW_GREYS)
    canvas = Image.new("RGB", (width + LEGEND_PX, height), "white")
    canvas.paste(Image.fromarray(_coloured(np.asarray(base), _hatched(ranks))), (0, 0))
    present = tuple(mark for rank, mark in enumerate(ORDER, start=1) if (ranks == rank).any())
    canvas.paste(_legend(height, present, _told(count, g)), (width, 0))
    return canvas


def _drawn_shape(pixels: NDArray[np.uint8]) -> tuple[int, int]:
    width, height = drawn_size(pixels, LONGEST_PX)
    return height, width


def _ranks_of(micrograph: Micrograph, count: GrainCount) -> NDArray[np.uint8]:
    return _ranks(count.overlays, (micrograph.rows, micrograph.cols), _drawn_shape(micrograph.pixels))


def _hatched(ranks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the ranks with what was left out as diagonal lines."""
    row, col = np.ogrid[: ranks.shape[0], : ranks.shape[1]]
    left_out = ORDER.index(Mark.LEFT_OUT) + 1
    return np.where((ranks == left_out) & ((row + col) % HATCH_PX >= 2), np.uint8(0), ranks)


def _ranks(overlays: Sequence[Overlay], shape: tuple[int, int], drawn: tuple[int, int]) -> NDArray[np.uint8]:
    """Return for each drawn pixel the uppermost of the marks that fall on it, its place in `ORDER` from 1, 0 for none.

    A line one cell wide is drawn also where several cells fall on one pixel.
    """
    rank_of = np.zeros(256, np.uint8)
    for rank, mark in enumerate(ORDER, start=1):
        rank_of[mark] = rank
    ranks = np.zeros(drawn, np.uint8)
    scale = drawn[0] / shape[0], drawn[1] / shape[1]
    for overlay in overlays:
        begin = [round(at * by) for at, by in zip((overlay.top, overlay.left), scale, strict=True)]
        sides = [max(1, round(n * overlay.cell_px * by)) for n, by in zip(overlay.marks.shape, scale, strict=True)]
        part = rank_of[overlay.marks]
        for axis, side in enumerate(sides):
            starts = np.arange(side) * part.shape[axis] // side
            part = np.maximum.reduceat(part, starts, axis=axis)
        place = ranks[begin[0] : begin[0] + sides[0], begin[1] : begin[1] + sides[1]]
        np.maximum(place, part[: place.shape[0], : place.shape[1]], out=place)
    return _outlined(ranks)


def _outlined(ranks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the ranks with hits as dots and a bold outline of the largest grain, be it marked by its rim or whole."""
    hit = ORDER.index(Mark.HIT) + 1
    ranks[ndimage.binary_dilation(ranks == hit, np.ones((3, 3)))] = hit
    largest = ORDER.index(Mark.LARGEST) + 1
    marked = ranks == largest
    if not marked.any():
        return ranks
    rows, cols = (
        slice(max(0, one.start - OUTLINE_PX), one.stop + OUTLINE_PX)
        for one in ndimage.find_objects(marked.view(np.uint8))[0]
    )
    inner = ndimage.binary_erosion(marked[rows, cols], np.ones((3, 3)), iterations=2, border_value=1)
    line = ndimage.binary_dilation(marked[rows, cols] & ~inner, np.ones((OUTLINE_PX, OUTLINE_PX)))
    ranks[marked] = 0
    part = ranks[rows, cols]
    part[line & (part < largest)] = largest
    return ranks


def _coloured(grey: NDArray[np.uint8], ranks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) in RGB (rows, cols, 3), under the colour of their marks."""
    colours = np.zeros((len(ORDER) + 1, 256, 3), np.uint8)
    greys = np.arange(256)[:, None]
    colours[0] = greys
    for rank, mark in enumerate(ORDER, start=1):
        look = LOOKS[mark]
        colours[rank] = np.round(look.opacity * np.array(look.colour) + (1.0 - look.opacity) * greys)
    return colours[ranks, grey]


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
    if np.isfinite(count.intercepts):
        lines.append("of lines and circles")  # only the circles are drawn
    return tuple(lines)


@lru_cache(16)
def _legend(height: int, marks: tuple[Mark, ...], lines: tuple[str, ...]) -> Image.Image:
    picture = Image.new("RGB", (LEGEND_PX, height), "white")
    draw = ImageDraw.Draw(picture)
    top = 12
    for line in lines:
        draw.text((10, top), line, fill="black", font=font(14))
        top += 20
    top += 8
    for mark in marks:
        look = LOOKS[mark]
        swatch = (10, top, 28, top + 14)
        draw.rectangle(swatch, fill=None if mark is Mark.LARGEST else look.colour, outline=(120,) * 3)
        if mark is Mark.LARGEST:
            draw.rectangle(swatch, outline=look.colour, width=OUTLINE_PX)
        elif mark is Mark.LEFT_OUT:
            draw.rectangle(swatch, fill="white", outline=look.colour)
            draw.line((10, top + 14, 24, top), fill=look.colour, width=2)
        elif mark in (Mark.LINE, Mark.HIT):
            draw.rectangle(swatch, fill=(LEGEND_GREY,) * 3)
            draw.line((10, top + 7, 28, top + 7), fill=LOOKS[Mark.LINE].colour, width=2)
            if mark is Mark.HIT:
                draw.rectangle((18, top + 6, 20, top + 8), fill=look.colour)
        draw.text((34, top + 7), look.name, fill="black", font=font(14), anchor="lm")
        top += 22
    return picture
