"""Find the reasons why a person should look at an answer before it is used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from gdest.core import (
    NO_METAL,
    UNFIT,
    Doubt,
    GradeMap,
    GradeStatistics,
    GrainCount,
    ModelCard,
    TileAnswers,
    grain_size,
    told_apart,
)

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

NEARLY_SURE = 99.0
"""Percent: nothing that a picture shows is surer, whatever the judge says."""

MIXED_APART = 1.0
"""In G: about the sum of the usual half-widths of estimate and count, of which a mixed field has neither."""

SENTENCES = {
    Doubt.NO_GRAINS: f"{NO_METAL}, or no grain structure, can be seen",
    Doubt.DEFOCUSED: "out of focus for grains of this size",
    Doubt.FRAGMENTS: "boundaries only in fragments, as in prior-austenite etches; grains cannot be closed",
    Doubt.STRUCTURE: "two phases, laths or another structure whose grains gdest does not count",
    Doubt.NOVELTY: "unlike anything the model was trained on",
    Doubt.ZOOM_GAP: "read at two sizes of the picture, it gives two different G",
}


def measured_doubts(answers: TileAnswers, zoom_gap: float, larger: TileAnswers | None = None) -> dict[str, float]:
    """Return one number for each `Doubt`; `zoom_gap` is the difference in G between two zooms.

    Answers that know fewer kinds of unfit tiles, the last ones missing, say nothing of those.

    `larger` are the answers for the picture of twice the size, where that shows enough grains: a boundary whose
    pieces run together in the smaller one may still be in fragments there.
    """
    kinds = answers.unfit.mean(axis=0, dtype=np.float64)
    found: dict[str, float] = {kind: float(odds) for kind, odds in zip(UNFIT, kinds, strict=False)}
    if larger is not None:
        in_larger = float(larger.unfit[:, UNFIT.index(Doubt.FRAGMENTS)].mean(dtype=np.float64))
        found[Doubt.FRAGMENTS] = max(found[Doubt.FRAGMENTS], in_larger)
    return {**found, Doubt.NOVELTY: float(answers.novelty.mean(dtype=np.float64)), Doubt.ZOOM_GAP: zoom_gap}


def over_limits(doubts: Mapping[str, float], limits: Mapping[str, float]) -> list[Doubt]:
    """Return the doubts whose measure is over its limit; one of which either is not known is none."""
    return [doubt for doubt in Doubt if doubts.get(doubt, math.nan) > limits.get(doubt, math.inf)]


def contradiction(estimate: GradeStatistics, count: GrainCount) -> Iterator[str]:
    """Yield how an estimate and a count contradict each other, if their intervals do not meet.

    Both are at the micrograph's own pixel size. A mixed field has no intervals; there, G of the mean density is
    compared with the count, which is one too.
    """
    if not np.isfinite(count.g):
        return
    words = "estimate and count contradict each other"
    if np.isfinite(estimate.g_low) and np.isfinite(count.g_low):
        if estimate.g_low > count.g_high or count.g_low > estimate.g_high:
            low, high, least, most = told_apart(estimate.g_low, estimate.g_high, count.g_low, count.g_high)
            intervals = f"{low}..{high}, 90 %, and G {count.g:.1f}, {least}..{most}, 95 %"
            yield f"{words} (G {estimate.g:.1f}, {intervals})"
    elif abs(estimate.g_from_density - count.g) > MIXED_APART:
        yield f"{words} (G {estimate.g_from_density:.1f} and {count.g:.1f} of a mixed field)"


def doubts_of_count(count: GrainCount) -> Iterator[str]:
    """Yield why the boundaries that were drawn need a person, if they are far from closed."""
    if count.spread > OPEN_SPREAD:
        spread, limit = told_apart(count.spread, OPEN_SPREAD)
        yield f"boundaries are far from closed (the sure and the possible ones make G {spread} apart, limit {limit})"


def impossible(g: float, um_per_px: float) -> Iterator[str]:
    """Yield why a G, at the micrograph's own pixel size, cannot be a steel's, if it cannot."""
    if not STEEL_G[0] <= g <= STEEL_G[1]:
        limits = f"{STEEL_G[0]:g}..{STEEL_G[1]:g}"
        yield f"G {g:.1f} is outside of what steel has ({limits}); check the pixel size, {um_per_px:.4g} um/px"


def reasons(pixels: NDArray[np.uint8], g_seen: float, grade_map: GradeMap, card: ModelCard) -> Iterator[str]:
    """Yield the reasons why a micrograph of grey pixels (rows, cols) needs review, each one phrase."""
    over = over_limits(grade_map.doubts, card.limits)
    told = {doubt: _told(doubt, grade_map.doubts[doubt], card.limits[doubt]) for doubt in over}
    if Doubt.NO_GRAINS in told:  # before all else: what shows no metal needs neither contrast nor focus
        yield told.pop(Doubt.NO_GRAINS)
    sample = pixels[::2, ::2]
    while sample.size > SAMPLE_PX:
        sample = sample[::2, ::2]
    counted = ImageStat.Stat(Image.fromarray(sample))  # 256 counts: a quarter of the time that the pixels take
    if counted.stddev[0] < BLANK_SD:
        yield "hardly any contrast: no grain structure can be seen"
    burnt = sum(counted.h[:2] + counted.h[254:]) / sample.size
    if burnt > BURNT_SHARE:
        share, limit = told_apart(100.0 * burnt, 100.0 * BURNT_SHARE, digits=0)
        yield f"saturated: {share} % of the pixels are black or white, limit {limit} %"
    in_picture = float(grain_size.g_after_zoom(g_seen, grade_map.zoom))
    if not card.g_min <= in_picture <= card.g_max:
        size = "coarser" if in_picture < card.g_min else "finer"
        seen, least, most = told_apart(in_picture, card.g_min, card.g_max)
        yield f"grains {size} than the model was trained on (G seen {seen}, trained {least}..{most})"
    yield from told.values()


def _told(doubt: Doubt, value: float, limit: float) -> str:
    """Return a doubt with its measure and limit in words, with the digits that tell the two apart."""
    if doubt in UNFIT:  # log odds against a gradeable picture
        likely, most = told_apart(_percent(value), _percent(limit), digits=0)
        nearly = f"over {NEARLY_SURE:g}" if _percent(value) > NEARLY_SURE >= _percent(limit) else likely
        measure = f"probability {nearly} %, limit {most} %"
    elif doubt == Doubt.ZOOM_GAP:
        measure = "{} G apart, limit {}".format(*told_apart(value, limit))
    else:
        measure = "{} times the usual distance from its training pictures, limit {}".format(*told_apart(value, limit))
    return f"{SENTENCES[doubt]} ({measure})"


def _percent(log_odds: float) -> float:
    return 100.0 / (1.0 + math.exp(-max(log_odds, -700.0)))
