"""Calibrate a trained network on micrographs it has not seen: bias, interval, tile scatter, limits of doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gdest.core import MOST_ALLOWED, Doubt, GradeMap, GradeSettings, GreyImage, ModelCard, grain_size, interpolate
from gdest.grading import doubts_of_count, over_limits, predict_grade_map
from gdest.model import LoadedModel, NetworkPredictor
from gdest.training.intervals import (
    NEIGHBOURS,
    curve_of_neighbours,
    informed_curves,
    informed_error,
    interval_curve,
)
from gdest.training.judge import gradeable_pictures
from gdest.training.labels import Labelled
from gdest.training.measuring import Measured, errors_of, measure_with
from gdest.training.over_materials import Curve, counting_curves, own_scatter
from gdest.training.settings import TrainSettings
from gdest.training.stages import Stage, no_stage, told

FEWEST_FOR_LIMITS = 100
"""With fewer micrographs to calibrate on, drawn ones help to find the limits of doubt."""

REVIEW_SHARE = 0.005
"""Share of gradeable micrographs that each single doubt may send to review. The five doubts together with the checks
of contrast and light are to stay below one in twenty; of 200 micrographs not used for this, 3.0 % go to review."""

FEWEST_FOR_CORRECTION = 5
"""The mean error of fewer micrographs says nothing of the network's bias."""

FEWEST_WITHOUT_DOUBT = 0.5
"""Share of the calibration; of fewer the limits of doubt are wrong rather than the micrographs."""

TRIMMED_SHARE = 10
"""A correction leaves out the tenth of the errors at either end."""


def calibrated_card(
    model: LoadedModel, held_out: Sequence[Labelled], settings: TrainSettings, stage: Stage = no_stage
) -> ModelCard:
    """Return the model's card with all that held-out micrographs show of it.

    That is the correction of its bias (where there are enough micrographs to know it), the interval, the tile
    scatter, the limits of doubt, the errors, and the interval of the count where the network draws boundaries.
    Micrographs that cannot be graded are told and left out: what a long training has learnt is not lost by one file.
    """
    grading = GradeSettings(device=settings.device, count=model.card.boundaries)
    predictor = NetworkPredictor(model, grading, unfinished=True)
    measured = measure_with(predictor, held_out, grading, stage)
    correction = correction_curve(measured) if len(measured) >= FEWEST_FOR_CORRECTION else ()
    if any(too_fine for _, too_fine in correction):
        predictor.card = replace(predictor.card, correction=correction)
        again = list(dict.fromkeys(one.item for one in measured))  # the corrected G also chooses the zoom
        measured = measure_with(predictor, again, grading, stage)
    count = max(min(FEWEST_FOR_LIMITS, settings.unfit_pictures) - len(measured), 0)
    drawn = told(gradeable_pictures(settings, count), stage, "finding the limits of doubt", count)
    maps = [predict_grade_map(GreyImage(pixels), predictor, grading.stride_px) for pixels in drawn]
    limits = limits_of_doubt([*(one.row.grade_map for one in measured), *maps])
    used = without_doubt(measured, limits)
    closed = [one for one in used if one.count is None or not any(doubts_of_count(one.count))]
    informed_interval, informed_scale = informed_curves(closed)
    return replace(
        predictor.card,
        interval=interval_curve(used),
        informed_interval=informed_interval,
        informed_scale=informed_scale,
        tile_scatter=tile_scatter_curve(measured),
        counting=counting_curves(closed),
        own_scatter=own_scatters(closed),
        limits=limits,
        errors=_validation_figures(measured),
    )


def without_doubt(measured: Sequence[Measured], limits: Mapping[str, float]) -> list[Measured]:
    """Return the micrographs that no limit sends to review, or all where these are few.

    An interval is a statement on what is graded; what goes to review has a doubt beside its interval.
    """
    used = [one for one in measured if not over_limits(one.row.grade_map.doubts, limits)]
    return used if len(used) >= FEWEST_WITHOUT_DOUBT * len(measured) else list(measured)


def own_scatters(measured: Sequence[Measured]) -> dict[str, tuple[float, float]]:
    """Return a card's `own_scatter`; what has no second field of its specimen, as all that is drawn, says nothing."""
    counted = [one for one in measured if one.count is not None]
    opinions = {
        "estimate": (measured, [one.error for one in measured]),
        "informed": (counted, [informed_error(one) for one in counted]),
        "count": (counted, [one.count.g - one.item.g for one in counted if one.count is not None]),
    }
    return {name: own_scatter(errors, [one.item.specimen for one in ones]) for name, (ones, errors) in opinions.items()}


def _validation_figures(measured: Sequence[Measured]) -> dict[str, float]:
    """Return the errors under the names that a card keeps them by; the coverage is cross-validated."""
    errors = errors_of(measured)
    figures = {
        "validation_micrographs": errors.count,
        "validation_mae": errors.mae,
        "validation_bias": errors.bias,
        "validation_within_half_g": errors.within_half,
        "validation_coverage": cross_coverage(measured),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def cross_coverage(measured: Sequence[Measured]) -> float:
    """Return the share of micrographs inside an interval that only the other half of them calibrated.

    The halves alternate in G_seen, so that both cover the whole range; NaN for fewer than two.
    """
    ordered = sorted(measured, key=lambda one: one.row.g_seen)
    if len(ordered) < 2:
        return float("nan")
    inside = []
    for half, other in ((ordered[::2], ordered[1::2]), (ordered[1::2], ordered[::2])):
        curve = interval_curve(half)
        inside += [abs(one.error) <= interpolate(curve, one.row.g_seen) for one in other]
    return float(np.mean(inside))


def limits_of_doubt(maps: Sequence[GradeMap]) -> dict[str, float]:
    """Return how large each doubt may be: all but `REVIEW_SHARE` of these gradeable micrographs stay below.

    Log odds may always reach 0: until then a micrograph is more likely gradeable than unfit. No limit may pass
    `MOST_ALLOWED`: limits that let all drawn steel pass, however faint its etch, let half of the pictures pass that
    must not be graded.
    """
    limits: dict[str, float] = {}
    for name in Doubt:
        values = np.array([grade_map.doubts.get(name, np.nan) for grade_map in maps])
        values = values[np.isfinite(values)]
        if len(values):
            limit = round(float(np.quantile(values, 1.0 - REVIEW_SHARE)), 3)
            limits[name] = float(np.clip(limit, 0.0, MOST_ALLOWED[name])) if name in MOST_ALLOWED else limit
    return limits


def correction_curve(measured: Sequence[Measured]) -> Curve:
    """Return (G in the picture that decided, mean error to be subtracted), from neighbours in G.

    The mean error is shrunk towards zero by what may be chance, and is zero within three standard errors: of two
    dozen groups one or two lie two standard errors away by chance. Few micrographs, as of one kind of steel, give
    a single number for every G, for which two standard errors do.
    """
    errors_of_chance = 2.0 if len(measured) < 1.5 * NEIGHBOURS else 3.0

    def bias(errors: NDArray[np.float64]) -> float:
        cut = len(errors) // TRIMMED_SHARE
        return shrunk_mean(np.sort(errors)[cut : len(errors) - cut], errors_of_chance)

    return curve_of_neighbours([one.g_in_picture for one in measured], [one.error for one in measured], bias)


def shrunk_mean(errors: NDArray[np.float64], standard_errors: float) -> float:
    """Return the mean of errors (n,), shrunk towards 0 by so many standard errors, 0 within them (James and Stein)."""
    mean, chance = float(errors.mean()), standard_errors * float(errors.std(ddof=1)) / np.sqrt(len(errors))
    return float(mean * (1.0 - (chance / mean) ** 2)) if abs(mean) > chance else 0.0


def tile_scatter_curve(measured: Sequence[Measured]) -> Curve:
    """Return (G in the picture, sd of tile grades) of uniform micrographs, per whole G.

    The picture is the one whose tiles `assess` looks at for homogeneity; tiles without metal are left out.
    """
    groups: dict[int, list[float]] = {}
    for one in measured:
        shown = one.row.grade_map.closer or one.row.grade_map
        grades = shown.g_seen[np.isfinite(shown.g_seen)].astype(np.float64)
        if len(grades) > 1:
            in_picture = float(grain_size.g_after_zoom(float(grades.mean()), shown.zoom))
            groups.setdefault(round(in_picture), []).append(float(grades.var(ddof=1)))
    return tuple((float(g), round(float(np.sqrt(np.mean(groups[g]))), 4)) for g in sorted(groups))
