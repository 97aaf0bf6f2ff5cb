"""Count the grains of a micrograph on its boundary maps, by ASTM E112: both procedures, which leads, and how sure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gdest.core import BoundaryField, GrainCount, ModelCard, Overlay, grain_size, interpolate, is_duplex, told_apart
from gdest.grading import lineal, planimetric
from gdest.grading.grain_table import GrainTable, joined_tables, measure_grains
from gdest.grading.grains import SURE, Grains, close_grains
from gdest.grading.overlay import draw_overlay, outline_of_largest, with_largest
from gdest.grading.size_classes import size_class
from gdest.grading.spans import words_at_pixel_size

FEWEST_GRAINS = 10.0
"""With fewer grains in all, one more or less is 0.15 G."""

FINEST_CELLS = 4.0
"""Grains of a smaller diameter in cells of the map are not traced: a boundary alone is taught 1.5 cells wide."""

MOST_SPREAD = 2.0
"""In G: where counts of sure and of possible boundaries differ by more, the boundaries are not closed."""

DOUBTFUL_SPREAD = 1.2
"""In G: from such a difference on, the picture is also counted at half the size."""

MOST_APART = 4.5
"""In G: by so much the mean grain by area may be coarser than the mean grain by number. One population has about 1,
two sizes four G apart about 3; beyond, large parts of the picture are not traced at all."""

MOST_COARSER = 0.6
"""In G, the intercepts' number below the planimetric one. Closed networks of one size read 0.0 to 0.3 finer by
intercepts (polygons have shorter ones than circles), two sizes four G apart 0.3 coarser; open boundaries 1 coarser."""

METHOD_HALF_WIDTH = ((0.0, 0.35), (0.5, 0.4), (1.0, 0.5), (2.0, 0.8))
"""The method's own 95 % error for cards without a calibration: rows of (spread in G, half-width in G)."""

NO_BIAS = ((0.0, 0.0),)


@dataclass(frozen=True)
class _Part:
    """Hold what is kept of one boundary field once it is counted."""

    planimetric: planimetric.Planimetric
    hits: lineal.Hits
    table: GrainTable
    fewest: float
    most: float
    usable_cells: int
    particle_cells: int
    diameter_cells: float
    overlay: Overlay
    outline: NDArray[np.int64]

    @property
    def largest_um2(self) -> float:
        """Return the area of the largest grain, 0 without one."""
        return float(self.table.area_um2.max(initial=0.0))


def count_grains(fields: Iterable[BoundaryField], card: ModelCard) -> GrainCount:
    """Return what is counted on the boundary fields of one micrograph, a px of the file as the card's pixel size.

    Fields are parts of the picture, or samples of it; each is counted on its own and forgotten, and counts, areas and
    lines add. `note` says why there is no `g` where there is none. Where the grains are duplex, `g` has no interval.
    """
    parts = [_count_part(field, card.um_per_px * field.cell_px) for field in fields]
    if not parts:
        return GrainCount(note="no part of the picture was looked at")
    areas = planimetric.joined([part.planimetric for part in parts])
    lines = lineal.count_lineal([part.hits for part in parts])
    spread = _spread(parts)
    note = _why_not(parts, areas, lines, spread)
    cells = sum(part.usable_cells for part in parts)
    found = GrainCount(
        grains=areas.grains,
        particle_share=sum(part.particle_cells for part in parts) / cells if cells else math.nan,
        spread=spread,
        note=note,
        overlays=_overlays(parts),
    )
    if note:
        return found
    g = areas.g - interpolate(card.counting.get("bias", NO_BIAS), spread)
    table = joined_tables([part.table for part in parts])
    sizes = size_class(table)
    half = math.nan if is_duplex(sizes.verdict) else _half_width(areas, spread, card)
    return replace(
        found,
        g=g,
        g_low=g - half,
        g_high=g + half,
        g_planimetric=areas.g,
        g_intercepts=lines.g,
        intercepts=lines.count,
        relative_accuracy=areas.relative_accuracy,
        mean_intercept_um=lines.mean_um,
        by_direction_um=lines.by_direction_um,
        anisotropy=lines.anisotropy,
        aspect_ratio=float(table.aspect[table.whole].mean()) if table.whole.any() else math.nan,
        g_largest_grain=float(grain_size.g_from_mean_area_um2(max(part.largest_um2 for part in parts))),
        twinned_share=float(np.average(table.twinned, weights=table.share)),
        areas_um2=areas.areas_um2.astype(np.float32),
        homogeneity=sizes.verdict,
        homogeneity_note=sizes.note,
        homogeneity_span=sizes.span,
    )


def surer_count(fields: Callable[[bool], Iterable[BoundaryField]], card: ModelCard) -> tuple[GrainCount, bool]:
    """Return the count of a picture, or of the picture at half the size where boundaries are surer, and which it is.

    Wide, rough or faint boundaries close from further away; where they are closed anyway, small grains are lost.
    `fields(True)`, of half the size, are asked for only where the boundaries of `fields(False)` are in doubt.
    """
    count = count_grains(fields(False), card)
    if count.spread > DOUBTFUL_SPREAD:
        from_further_away = count_grains(fields(True), card)
        if from_further_away.spread < count.spread:
            return from_further_away, True
    return count, False


def count_at_pixel_size(count: GrainCount, um_per_px: float, card: ModelCard) -> GrainCount:
    """Return a count at the true pixel size: G moves by self-similarity, lengths and areas scale."""
    wider = um_per_px / card.um_per_px

    def moved(g: float) -> float:
        return float(grain_size.g_from_seen(g, um_per_px, card.um_per_px))

    return replace(
        count,
        g=moved(count.g),
        g_low=moved(count.g_low),
        g_high=moved(count.g_high),
        g_planimetric=moved(count.g_planimetric),
        g_intercepts=moved(count.g_intercepts),
        g_largest_grain=moved(count.g_largest_grain),
        mean_intercept_um=count.mean_intercept_um * wider,
        by_direction_um=tuple(length * wider for length in count.by_direction_um),
        areas_um2=(count.areas_um2 * np.float32(wider**2)).astype(np.float32),
        homogeneity_note=words_at_pixel_size(count.homogeneity_note, count.homogeneity_span, moved),
        homogeneity_span=tuple(map(moved, count.homogeneity_span)),
    )


def _count_part(field: BoundaryField, cell_um: float) -> _Part:
    """Count one boundary field by both procedures and draw what was found."""
    grains = close_grains(field)
    counted = planimetric.count_planimetric(grains, cell_um)
    cells = int(grains.areas[1:].sum())
    diameter = math.sqrt(cells / counted.grains) if counted.grains else math.inf
    lines = lineal.test_lines(field.grain.shape, min(diameter, max(field.grain.shape)))
    hits, at = lineal.meet(grains, lines, cell_um)
    return _Part(
        counted,
        hits,
        measure_grains(field, grains, cell_um),
        grains.fewest,
        grains.most,
        cells,
        _particle_cells(field, grains),
        diameter,
        draw_overlay(field, grains, lines, at),
        outline_of_largest(grains),
    )


def _overlays(parts: list[_Part]) -> tuple[Overlay, ...]:
    """Return the overlays of the parts; one grain of all is outlined, that of `g_largest_grain`."""
    largest = max(parts, key=lambda part: part.largest_um2)
    return tuple(with_largest(part.overlay, part.outline) if part is largest else part.overlay for part in parts)


def _particle_cells(field: BoundaryField, grains: Grains) -> int:
    return int(np.count_nonzero((field.particle >= SURE) & (grains.labels > 0)))


def _spread(parts: list[_Part]) -> float:
    """Return by how many G counts of sure boundaries only and of all possible ones differ."""
    fewest, most = sum(part.fewest for part in parts), sum(part.most for part in parts)
    return math.log2(most / fewest) if fewest > 0 else math.inf


def _why_not(parts: list[_Part], areas: planimetric.Planimetric, lines: lineal.Intercepts, spread: float) -> str:
    """Return why there is no count, empty where there is one."""
    if areas.area_um2 <= 0:
        return "no part of the picture shows metal only"
    if areas.grains < FEWEST_GRAINS:
        counted, needed = told_apart(areas.grains, FEWEST_GRAINS, digits=0)
        return f"too few grains ({counted}, {needed} are needed)"
    if float(np.median([part.diameter_cells for part in parts])) < FINEST_CELLS:
        return "too fine to be traced"
    seen = np.concatenate([part.table.area_um2 for part in parts])
    by_area, by_number = float((seen**2).sum() / seen.sum()), areas.area_um2 / areas.grains
    apart = math.log2(by_area / by_number)
    if spread > MOST_SPREAD or apart > MOST_APART or lines.g < areas.g - MOST_COARSER:
        return "boundaries are not closed"
    return ""


def _half_width(areas: planimetric.Planimetric, spread: float, card: ModelCard) -> float:
    """Return half the 95 % interval of G: the scatter of a sample of so many grains, and the method's own error."""
    method = interpolate(card.counting.get("interval", METHOD_HALF_WIDTH), spread)
    return math.hypot(method, chance_of_count(areas.relative_accuracy))


def chance_of_count(relative_accuracy: float) -> float:
    """Return by how much G may be off since so many grains only were counted, from %RA / 100."""
    return math.log2(1.0 + relative_accuracy) if np.isfinite(relative_accuracy) else math.nan
