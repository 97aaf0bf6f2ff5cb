"""Find the reasons why a person should look at an answer before it is used."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from gdest.core import UNFIT, Doubt, GradeMap, GradeStatistics, GrainCount, ModelCard, TileAnswers, grain_size

BLANK_SD = 3.0
"""Grey levels: a micrograph with less contrast than this shows no grains."""

BURNT_SHARE = 0.7
"""Share of pixels at the black or white end beyond which too little is left to see."""

SAMPLE_PX = 4_000_000
"""Contrast and saturation are measured on every second (fourth, eighth...) pixel, at most this many."""

STEEL_G = (-1.0, 14.0)
"""Grains of 0.5 mm to 3 um, between which etched steel is graded; a G beyond shows a wrong pixel size."""

UNKNOWN_PIXEL_SIZE = "the pixel size is not known; state --um-per-px, or an [[objective]] in gdest.toml"

OPEN_SPREAD = 1.25
"""In G: by more the counts of sure and of possible boundaries differ on no material with lines that was looked at."""

SENTENCES = {
    Doubt.NO_GRAINS: "no grain structure can be seen",
    Doubt.DEFOCUSED: "out of focus for grains of this size",
    Doubt.FRAGMENTS: "boundaries only in fragments, as in prior-austenite etches; grains cannot be closed",
    Doubt.NOVELTY: "unlike anything the model was trained on",
    Doubt.ZOOM_GAP: "its answers at two zooms contradict each other",
}


def measured_doubts(answers: TileAnswers, zoom_gap: float, larger: TileAnswers | None = None) -> dict[str, float]:
    """Return one number for each `Doubt`; `zoom_gap` is the difference in G between two zooms.

    `larger` are the answers for the picture of twice the size, where that shows enough grains: a boundary whose
    pieces run together in the smaller one may still be in fragments there.
    """
    kinds = answers.unfit.mean(axis=0, dtype=np.float64)
    found: dict[str, float] = {kind: float(odds) for kind, odds in zip(UNFIT, kinds, strict=True)}
    if larger is not None:
        in_larger = float(larger.unfit[:, UNFIT.index(Doubt.FRAGMENTS)].mean(dtype=np.float64))
        found[Doubt.FRAGMENTS] = max(found[Doubt.FRAGMENTS], in_larger)
    return {**found, Doubt.NOVELTY: float(answers.novelty.mean(dtype=np.float64)), Doubt.ZOOM_GAP: zoom_gap}


def contradiction(estimate: GradeStatistics, count: GrainCount) -> Iterator[str]:
    """Yield how an estimate and a count contradict each other, if their intervals do not meet.

    Both are at the micrograph's own pixel size.
    """
    if np.isfinite(count.g) and (estimate.g_low > count.g_high or count.g_low > estimate.g_high):
        yield f"estimate and count contradict each other (G {estimate.g:.1f} and {count.g:.1f})"


def doubts_of_count(count: GrainCount) -> Iterator[str]:
    """Yield why the boundaries that were drawn need a person, if they are far from closed."""
    if count.spread > OPEN_SPREAD:
        yield f"boundaries are far from closed (sure and possible ones make {count.spread:.1f} G of difference)"


def impossible(g: float, um_per_px: float) -> Iterator[str]:
    """Yield why a G, at the micrograph's own pixel size, cannot be a steel's, if it cannot."""
    if not STEEL_G[0] <= g <= STEEL_G[1]:
        limits = f"{STEEL_G[0]:g}..{STEEL_G[1]:g}"
        yield f"G {g:.1f} is outside of what steel has ({limits}); check the pixel size, {um_per_px:.4g} um/px"


def reasons(pixels: NDArray[np.uint8], g_seen: float, grade_map: GradeMap, card: ModelCard) -> Iterator[str]:
    """Yield the reasons why a micrograph of grey pixels (rows, cols) needs review, each one phrase."""
    sample = pixels[::2, ::2]
    while sample.size > SAMPLE_PX:
        sample = sample[::2, ::2]
    counted = ImageStat.Stat(Image.fromarray(sample))  # 256 counts: a quarter of the time that the pixels take
    if counted.stddev[0] < BLANK_SD:
        yield "hardly any contrast: no grain structure can be seen"
    burnt = sum(counted.h[:2] + counted.h[254:]) / sample.size
    if burnt > BURNT_SHARE:
        yield f"saturated: {burnt:.0%} of the pixels are black or white"
    in_picture = float(grain_size.g_after_zoom(g_seen, grade_map.zoom))
    if not card.g_min <= in_picture <= card.g_max:
        size = "coarser" if in_picture < card.g_min else "finer"
        trained = f"trained {card.g_min:g}..{card.g_max:g}"
        yield f"grains {size} than the model was trained on (G seen {in_picture:.1f}, {trained})"
    for doubt in Doubt:
        value, limit = grade_map.doubts.get(doubt, float("nan")), card.limits.get(doubt, float("inf"))
        if value > limit:
            yield f"{SENTENCES[doubt]} ({doubt} {value:.1f}, limit {limit:.1f})"
