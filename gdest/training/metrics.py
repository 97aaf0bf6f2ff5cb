"""Measure a network on labelled micrographs, whole images as a scan grades them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from gdest.core import (
    UNFIT,
    CalibrationSettings,
    DataError,
    Failed,
    Graded,
    GradeMap,
    GradeSettings,
    GradeStatistics,
    GreyImage,
    ModelCard,
    grain_size,
    interpolate,
)
from gdest.grading import DOUBTS, G_PER_HALVING, Predictor, grade_files, is_enlarged, predict_grade_map
from gdest.model import LoadedModel, NetworkPredictor
from gdest.training.data import Labelled
from gdest.training.judge import gradeable_pictures
from gdest.training.settings import TrainSettings

NOMINAL_COVERAGE = 0.9
FEWEST_FOR_LIMITS = 100
"""With fewer micrographs to calibrate on, drawn ones help to find the limits of doubt."""

REVIEW_SHARE = 0.005
"""Share of gradeable micrographs that each single doubt may send to review: the five together, and what is said of
contrast and light, are to stay below one in twenty. Of 200 others 3.0 % go there."""

FEWEST_FOR_CORRECTION = 5
"""With fewer micrographs their mean error says nothing of the network's bias."""

NEIGHBOURS = 40
"""Micrographs of similar G whose errors make one point of the interval curve."""


@dataclass(frozen=True)
class Measured:
    """Hold one labelled micrograph beside its answer."""

    item: Labelled
    row: Graded

    @property
    def statistics(self) -> GradeStatistics:
        """Return the calibrated statistics; raise `DataError` when the pixel size is not known."""
        if self.row.statistics is None:
            raise DataError(f"{self.item.file.name} has no pixel size: add a column um_per_px or give --um-per-px.")
        return self.row.statistics

    @property
    def g(self) -> float:
        """Return the predicted G."""
        return self.statistics.g

    @property
    def g_in_picture(self) -> float:
        """Return the predicted G as it looks in the picture that decided, which may be a halved or an enlarged one."""
        zoom = self.row.grade_map.zoom
        g = float(grain_size.g_after_zoom(self.row.g_seen, zoom))
        return g - G_PER_HALVING if is_enlarged(zoom, g) else g

    @property
    def error(self) -> float:
        """Return predicted minus true G, + is too fine."""
        return self.g - self.item.g


@dataclass(frozen=True)
class Errors:
    """Hold the errors over a set: G units, shares 0..1."""

    count: int
    mae: float
    bias: float
    within_half: float
    coverage: float


def measure(model: LoadedModel, labelled: Sequence[Labelled], settings: GradeSettings) -> list[Measured]:
    """Grade every labelled micrograph as a scan would, with its own pixel size; raise `DataError` for a broken one."""
    return _measured(NetworkPredictor(model, settings, files=len(labelled)), labelled, settings)


def _measured(predictor: Predictor, labelled: Sequence[Labelled], settings: GradeSettings) -> list[Measured]:
    measured = []
    for um_per_px, group in groupby(labelled, key=lambda item: item.um_per_px):
        items, own = list(group), settings
        if um_per_px is not None:
            own = replace(settings, calibration=CalibrationSettings(um_per_px=um_per_px))
        graded = grade_files([item.file for item in items], predictor, own)
        for item, (_, rows) in zip(items, graded, strict=True):
            for row in rows:
                if isinstance(row, Failed):
                    raise DataError(f"{item.file.name}: {row.reason}")
                measured.append(Measured(item, row))
    return measured


def summarize_errors(measured: Sequence[Measured]) -> Errors:
    """Return MAE, bias, share within 0.5 G and share inside the interval."""
    errors = np.array([one.error for one in measured])
    inside = [one.statistics.g_low <= one.item.g <= one.statistics.g_high for one in measured]
    return Errors(
        count=len(errors),
        mae=float(np.abs(errors).mean()),
        bias=float(errors.mean()),
        within_half=float(np.mean(np.abs(errors) <= 0.5)),
        coverage=float(np.mean(inside)),
    )


def calibrated_card(model: LoadedModel, held_out: Sequence[Labelled], settings: TrainSettings) -> ModelCard:
    """Return the card with all that held-out micrographs show of the network.

    That is the correction of its bias (where there are enough of them to know it), the interval, the tile
    scatter, the limits of doubt and the errors.
    """
    grading = GradeSettings(device=settings.device)
    predictor = NetworkPredictor(model, grading, files=len(held_out))
    measured = _measured(predictor, held_out, grading)
    correction = _correction(measured) if len(measured) >= FEWEST_FOR_CORRECTION else ()
    if any(too_fine for _, too_fine in correction):
        predictor.card = replace(predictor.card, correction=correction)
        measured = _measured(predictor, held_out, grading)  # anew: an answer also chooses the zoom
    card = replace(predictor.card, interval=_interval(measured), tile_scatter=_tile_scatter(measured))
    drawn = gradeable_pictures(settings, min(FEWEST_FOR_LIMITS, settings.unfit_pictures) - len(measured))
    maps = [predict_grade_map(GreyImage(pixels), predictor, grading.stride_px) for pixels in drawn]
    card = replace(card, limits=_limits([*(one.row.grade_map for one in measured), *maps]))
    errors = summarize_errors(measured)
    figures = {"validation_micrographs": errors.count, "validation_mae": errors.mae, "validation_bias": errors.bias}
    figures["validation_within_half_g"] = errors.within_half
    figures["validation_coverage"] = _cross_coverage(measured)
    return replace(card, errors={name: round(float(value), 4) for name, value in figures.items()})


def _cross_coverage(measured: Sequence[Measured]) -> float:
    """Return the share of micrographs inside an interval that the other half of them calibrated."""
    ordered = sorted(measured, key=lambda one: one.row.g_seen)
    if len(ordered) < 2:
        return float("nan")
    inside = []
    for half, other in ((ordered[::2], ordered[1::2]), (ordered[1::2], ordered[::2])):
        curve = _interval(half)
        inside += [abs(one.error) <= interpolate(curve, one.row.g_seen) for one in other]
    return float(np.mean(inside))


def _limits(maps: Sequence[GradeMap]) -> dict[str, float]:
    """Return how large each doubt may be: all but `REVIEW_SHARE` of these gradeable micrographs stay below.

    Log odds may always reach 0: until then a micrograph is more likely gradeable than unfit.
    """
    limits = {}
    for name in DOUBTS:
        values = np.array([grade_map.doubts[name] for grade_map in maps])
        values = values[np.isfinite(values)]
        if len(values):
            limit = round(float(np.quantile(values, 1.0 - REVIEW_SHARE)), 3)
            limits[name] = max(limit, 0.0) if name in UNFIT else limit
    return limits


def _interval(measured: Sequence[Measured]) -> tuple[tuple[float, float], ...]:
    """Return (G_seen, half-width) of the split-conformal 90 % interval, from neighbours in G."""

    def half_width(errors: NDArray[np.float64]) -> float:
        rank = int(np.ceil((len(errors) + 1) * NOMINAL_COVERAGE)) - 1  # Vovk's finite-sample quantile
        return float(np.sort(np.abs(errors))[min(rank, len(errors) - 1)])

    return _curve([one.row.g_seen for one in measured], [one.error for one in measured], half_width)


def _correction(measured: Sequence[Measured]) -> tuple[tuple[float, float], ...]:
    """Return (G in the graded picture, mean error without the tenth at either end), from neighbours in G.

    It is drawn towards none by what may be chance, and is none within three standard errors: of two dozen groups one or
    another is two away by chance. Few micrographs, of one kind of steel, give one number for every G, for which two do.
    """
    errors_of_chance = 2.0 if len(measured) < 1.5 * NEIGHBOURS else 3.0

    def middle(errors: NDArray[np.float64]) -> float:
        cut = len(errors) // 10
        kept = np.sort(errors)[cut : len(errors) - cut]
        mean, chance = float(kept.mean()), errors_of_chance * float(kept.std(ddof=1)) / np.sqrt(len(kept))
        return float(mean * (1.0 - (chance / mean) ** 2)) if abs(mean) > chance else 0.0

    return _curve([one.g_in_picture for one in measured], [one.error for one in measured], middle)


def _curve(
    grades: Sequence[float], errors: Sequence[float], statistic: Callable[[NDArray[np.float64]], float]
) -> tuple[tuple[float, float], ...]:
    """Return (mean grade, statistic of the errors) of groups of neighbours in grade, half overlapping."""
    order = np.argsort(grades, kind="stable")
    size = min(NEIGHBOURS, len(order))
    curve = []
    for start in range(0, len(order) - size + 1, max(1, size // 2)):
        group = order[start : start + size]
        mean = float(np.mean(np.array(grades)[group]))
        curve.append((round(mean, 3), round(statistic(np.array(errors)[group]), 4)))
    return tuple(curve)


def _tile_scatter(measured: Sequence[Measured]) -> tuple[tuple[float, float], ...]:
    """Return (G in the picture whose tiles show homogeneity, sd of tile grades) of uniform micrographs, per whole G.

    It is measured on the tiles that `assess` looks at, tiles that show no metal left out.
    """
    groups: dict[int, list[float]] = {}
    for one in measured:
        shown = one.row.grade_map.closer or one.row.grade_map
        grades = shown.g_seen[np.isfinite(shown.g_seen)].astype(np.float64)
        if len(grades) > 1:
            in_picture = float(grain_size.g_after_zoom(float(grades.mean()), shown.zoom))
            groups.setdefault(round(in_picture), []).append(float(grades.var(ddof=1)))
    return tuple((float(g), round(float(np.sqrt(np.mean(groups[g]))), 4)) for g in sorted(groups))
