"""Bring what was counted beside an estimate: it informs G, adds doubts, and may say that the field is mixed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gdest.core import Graded, GrainCount, ModelCard, Status, is_duplex
from gdest.grading.doubts import contradiction, doubts_of_count
from gdest.grading.greys import GreyField, grey_fields, line_share
from gdest.grading.homogeneity import Assessment, joined_opinions
from gdest.grading.informed import informed
from gdest.grading.phases import second_phase


def with_second_opinion(row: Graded, count: GrainCount, card: ModelCard) -> Graded:
    """Return a row with what was counted beside its estimate, which it informs; for review where they contradict.

    Where either says that the field is mixed, neither keeps an interval. Raises `MicrographError` where a picture that
    is read by regions cannot be read any more.
    """
    doubts = [*doubts_of_count(count), *(contradiction(row.statistics, count) if row.statistics else ())]
    fields = _fields_of(row, count)
    count = replace(count, line_share=line_share(fields))
    row = _informed(row, count, card)
    known = np.isfinite(count.g_intercepts) and row.statistics is not None
    tiles = Assessment(row.homogeneity, row.homogeneity_note)
    grains = Assessment("" if row.shows_no_metal else count.homogeneity, count.homogeneity_note)
    mixture = joined_opinions(tiles, grains)
    row = replace(
        row,
        count=count,
        homogeneity=mixture.verdict,
        homogeneity_note=mixture.note,
        g_intercept=float(count.g_intercepts) if known else None,
        intercepts=round(count.intercepts) if np.isfinite(count.intercepts) else None,
    )
    doubts += second_phase(fields)
    if is_duplex(row.homogeneity):
        row = _without_intervals(row, count)
    if not doubts:
        return row
    status = Status.REVIEW if row.status == Status.GRADED else row.status
    return replace(row, status=status, reason="; ".join(filter(None, (row.reason, *doubts))))


def _fields_of(row: Graded, count: GrainCount) -> list[GreyField]:
    """Return the counted grains over their greys; none where nothing was counted."""
    if count.note:
        return []
    return grey_fields(row.micrograph.regions or row.micrograph.pixels, count.overlays)


def _informed(row: Graded, count: GrainCount, card: ModelCard) -> Graded:
    """Return a row whose G, where the pixel size is known, is moved towards what was counted."""
    if row.statistics is None or row.micrograph.um_per_px is None:
        return row
    statistics = informed(row.statistics, count, row.micrograph.um_per_px, card)
    is_told = row.homogeneity_note == row.statistics.homogeneity_note
    return replace(
        row, statistics=statistics, homogeneity_note=statistics.homogeneity_note if is_told else row.homogeneity_note
    )


def _without_intervals(row: Graded, count: GrainCount) -> Graded:
    statistics = replace(row.statistics, g_low=np.nan, g_high=np.nan) if row.statistics else None
    return replace(row, statistics=statistics, count=replace(count, g_low=np.nan, g_high=np.nan))
