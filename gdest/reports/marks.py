"""Say how what was counted looks: the marks, the palette in which they lie over few greys, and their legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gdest.core import Mark
from gdest.reports.few_greys import FEW, LEVELS, few_greys
from gdest.reports.heatmap import HATCH_GREY
from gdest.reports.lettering import font

LEGEND_PX = 150
OUTLINE_PX, ENTRY_PX = 3, 22
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


@cache
def palette() -> tuple[bytes, list[int]]:
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


def with_palette(places: NDArray[np.uint8]) -> Image.Image:
    """Return places in the palette (rows, cols) as a picture that has it."""
    picture = Image.fromarray(places)
    picture.putpalette(palette()[0])
    return picture


def legend(height: int, marks: Sequence[Mark], lines: Sequence[str]) -> NDArray[np.uint8]:
    """Return the lines that are told, and below them the names of the marks, as places in the palette (rows, cols)."""
    picture = Image.new("L", (LEGEND_PX, height), "white")
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((10, 12 + 20 * number), line, fill="black", font=font(14))
    places = few_greys(np.asarray(picture))
    top = 16 + 20 * len(lines)
    for number, mark in enumerate(marks):
        place = places[top + ENTRY_PX * number :][:ENTRY_PX]
        place[...] = _entry(mark)[: len(place)]
    return places


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
    elif mark in (Mark.LINE, Mark.HIT):
        draw.rectangle(swatch, fill=LEGEND_GREY // 8)
        draw.line((10, 11, 28, 11), fill=FEW + 1 + ORDER.index(Mark.LINE), width=2)
        if mark is Mark.HIT:
            draw.rectangle((18, 10, 20, 12), fill=colour)
    else:
        draw.rectangle(swatch, fill=colour, outline=FEW // 2 - 1)
    return np.asarray(places)
