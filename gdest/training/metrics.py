"""Measure a network on labelled micrographs, whole images as a scan grades them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gdest import grain_size
from gdest.errors import DataError
from gdest.network import LoadedModel
from gdest.pipeline import grade_micrographs
from gdest.predict import NetworkPredictor
from gdest.records import Failed, Graded, GradeStatistics, ModelCard
from gdest.settings import CalibrationSettings, GradeSettings, TrainSettings
from gdest.training.data import Labelled

NOMINAL_COVERAGE = 0.9
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
    """Grade every labelled micrograph with its own pixel size; raise `DataError` when one cannot be read."""
    predictor = NetworkPredictor(model, settings)
    measured = []
    for item in labelled:
        own = settings
        if item.um_per_px is not None:
            own = replace(settings, calibration=CalibrationSettings(um_per_px=item.um_per_px))
        for row in grade_micrographs([item.file], predictor, own):
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
    """Return the card with the interval, the tile scatter and the errors that held-out micrographs show."""
    measured = measure(model, held_out, GradeSettings(device=settings.device))
    card = replace(model.card, interval=_interval(measured), tile_scatter=_tile_scatter(measured))
    errors = summarize_errors(measured)
    figures = {"validation_micrographs": errors.count, "validation_mae": errors.mae, "validation_bias": errors.bias}
    figures["validation_within_half_g"] = errors.within_half
    return replace(card, errors={name: round(float(value), 4) for name, value in figures.items()})


def _interval(measured: Sequence[Measured]) -> tuple[tuple[float, float], ...]:
    """Return (G_seen, half-width) of the split-conformal 90 % interval, from neighbours in G."""
    ordered = sorted(measured, key=lambda one: one.row.g_seen)
    size = min(NEIGHBOURS, len(ordered))
    curve = []
    for start in range(0, len(ordered) - size + 1, max(1, size // 2)):
        group = ordered[start : start + size]
        errors = np.sort([abs(one.error) for one in group])
        rank = int(np.ceil((size + 1) * NOMINAL_COVERAGE)) - 1  # Vovk's finite-sample quantile
        half = float(errors[min(rank, size - 1)])
        curve.append((round(float(np.mean([one.row.g_seen for one in group])), 3), round(half, 4)))
    return tuple(curve)


def _tile_scatter(measured: Sequence[Measured]) -> tuple[tuple[float, float], ...]:
    """Return (G in the graded picture, sd of tile grades) of these uniform micrographs, per whole G."""
    groups: dict[int, list[float]] = {}
    for one in measured:
        grades = one.row.grade_map.g_seen.astype(np.float64)
        in_picture = float(grain_size.g_after_zoom(one.row.g_seen, one.row.grade_map.zoom))
        if grades.size > 1:
            groups.setdefault(round(in_picture), []).append(float(grades.var(ddof=1)))
    return tuple((float(g), round(float(np.sqrt(np.mean(groups[g]))), 4)) for g in sorted(groups))
