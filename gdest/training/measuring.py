"""Grade labelled micrographs as a scan grades them, and count the errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from gdest.core import (
    CalibrationSettings,
    DataError,
    Failed,
    Graded,
    GradeSettings,
    GradeStatistics,
    GrainCount,
    Status,
    grain_size,
    say_each,
    warn,
)
from gdest.grading import G_PER_HALVING, Predictor, grade_files, is_enlarged
from gdest.model import LoadedModel, NetworkPredictor
from gdest.training.labels import NO_PIXEL_SIZE, Labelled, require_there
from gdest.training.stages import Stage, no_stage

HALF_G = 0.5
"""The margin, inclusive, within which the paper counts a regressor's answer as right."""


@dataclass(frozen=True)
class Measured:
    """Hold one labelled micrograph beside its row."""

    item: Labelled
    row: Graded

    @property
    def statistics(self) -> GradeStatistics:
        """Return the calibrated statistics, which a row has whose pixel size is known."""
        assert self.row.statistics is not None  # the others are left out
        return self.row.statistics

    @property
    def g(self) -> float:
        """Return the predicted G."""
        return self.statistics.g

    @property
    def g_in_picture(self) -> float:
        """Return the predicted G as it looks in the picture that decided, which may be halved or enlarged."""
        zoom = self.row.grade_map.zoom
        g = float(grain_size.g_after_zoom(self.row.g_seen, zoom))
        return g - G_PER_HALVING if is_enlarged(zoom, g) else g

    @property
    def error(self) -> float:
        """Return predicted minus true G; a positive error reads too fine."""
        return self.g - self.item.g

    @property
    def has_interval(self) -> bool:
        """Return whether the row claims an interval, which a mixed field does not."""
        return math.isfinite(self.statistics.g_low)

    @property
    def is_inside(self) -> bool:
        """Return whether the true G lies in the row's interval, ends included."""
        return self.statistics.g_low <= self.item.g <= self.statistics.g_high

    @property
    def count(self) -> GrainCount | None:
        """Return what was counted, None where no G was."""
        counted = self.row.count
        return counted if counted is not None and math.isfinite(counted.g) else None


@dataclass(frozen=True)
class Errors:
    """Hold the errors over a set: `mae` and `bias` in G, `within_half` and `coverage` as shares 0..1.

    The coverage is that of the fields that have an interval, NaN where none has. `graded` of the `count` fields have
    that status; the others are in review.
    """

    count: int
    mae: float
    bias: float
    within_half: float
    coverage: float
    graded: int


def measure(
    model: LoadedModel, labelled: Sequence[Labelled], settings: GradeSettings, stage: Stage = no_stage
) -> list[Measured]:
    """Grade every labelled micrograph, each with its own pixel size; those that cannot be graded are told and left out.

    Raises `DataError` where none can.
    """
    return measure_with(NetworkPredictor(model, settings), labelled, settings, stage)


def measure_with(
    predictor: Predictor, labelled: Sequence[Labelled], settings: GradeSettings, stage: Stage = no_stage
) -> list[Measured]:
    """Do what `measure` does with a predictor that is there already."""
    require_there(labelled)
    measured, left_out = list[Measured](), list[str]()
    with stage("measuring", len(labelled)) as advance:
        for item, row in _graded(predictor, labelled, settings, advance):
            if isinstance(row, Failed):
                left_out.append(f"{item.file.name}: {row.reason}")
            elif row.statistics is None:
                left_out.append(f"{item.file.name} {NO_PIXEL_SIZE}")
            else:
                measured.append(Measured(item, row))
    if left_out and not measured:
        raise DataError(left_out[0])
    say_each([f"Left out: {reason}" for reason in left_out], " micrographs", tell=warn)
    return measured


def _graded(
    predictor: Predictor, labelled: Sequence[Labelled], settings: GradeSettings, advance: Callable[[int], None]
) -> Iterator[tuple[Labelled, Graded | Failed]]:
    """Yield every labelled micrograph with its rows, each graded with its own pixel size."""
    for um_per_px, group in groupby(labelled, key=lambda item: item.um_per_px):
        items, own = list(group), settings
        if um_per_px is not None:
            own = replace(settings, calibration=CalibrationSettings(um_per_px=um_per_px))
        graded = grade_files([item.file for item in items], predictor, own)
        for item, (_, rows) in zip(items, graded, strict=True):
            yield from ((item, row) for row in rows)
            advance(1)


def errors_of(measured: Sequence[Measured]) -> Errors:
    """Return the mean absolute error, the bias, the share within 0.5 G and the share inside the interval."""
    inside = [one.is_inside for one in measured if one.has_interval]
    return _errors([one.error for one in measured], inside, len(graded_only(measured)))


def graded_only(measured: Sequence[Measured]) -> list[Measured]:
    """Return those that gdest does not hold back for review."""
    return [one for one in measured if one.row.status == Status.GRADED]


def count_errors_of(measured: Sequence[Measured]) -> Errors | None:
    """Return what `errors_of` does, of the counts: those of the micrographs that have one, None where none has."""
    counted = [(one, count) for one in measured if (count := one.count) is not None]
    if not counted:
        return None
    inside = [count.g_low <= one.item.g <= count.g_high for one, count in counted if math.isfinite(count.g_low)]
    graded = graded_only([one for one, _ in counted])
    return _errors([count.g - one.item.g for one, count in counted], inside, len(graded))


def _errors(errors: Sequence[float], inside: Sequence[bool], graded: int) -> Errors:
    return Errors(
        count=len(errors),
        mae=float(np.abs(errors).mean()),
        bias=float(np.mean(errors)),
        within_half=float(np.mean(np.abs(errors) <= HALF_G)),
        coverage=float(np.mean(inside)) if inside else math.nan,
        graded=graded,
    )
