"""What a lab's own fields show of the estimate or of the count: how far it is off, and how much it scatters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gdest.core import student_t
from gdest.grading import way_to_count
from gdest.training.calibrating import shrunk_mean

FEWEST_FIELDS = 5
"""Fewer fields prove no bias, and their scatter says little."""

PROVEN = 2.0
"""Standard errors within which a mean error may be chance."""

COVERAGES = {"estimate": 0.9, "count": 0.95}

Errors = NDArray[np.float64]
Scatter = tuple[float, float]
UNKNOWN: Scatter = (0.0, 0.0)

MOST_DEGREES = 8.0
"""Steels scatter differently: others are believed no more than as many fields of the lab's own plus one."""


@dataclass(frozen=True)
class Opinion:
    """Hold the errors (n,) of one opinion, `estimate` or `count`, on a lab's fields, and its half-widths before.

    A mixed field has no interval; its half-width is NaN. `counted` are the errors of the counts that inform an
    estimate, NaN where there is none; None for an opinion of its own. `led` is how far lines lead each count, 0..1, all
    of the way without it. `others` is how fields of other specimens scatter about their own mean: (sd in G, degrees of
    freedom); `others_moved` where their counts move them.
    """

    name: str
    errors: Errors
    half_widths: Errors
    counted: Errors | None = None
    others: Scatter = UNKNOWN
    others_moved: Scatter = UNKNOWN
    led: Errors | None = None

    @property
    def coverage(self) -> float:
        """Return the probability with which an interval of this opinion holds the true G."""
        return COVERAGES[self.name]

    @property
    def bias(self) -> float:
        """Return the mean error as far as the fields prove it: shrunk by what may be chance, 0 within that."""
        return proven_bias(self.errors)

    @property
    def half_width(self) -> float:
        """Return the half-width of the interval of a further field of this steel."""
        return self.half_width_of(len(self.errors))

    def half_width_of(self, fields: int) -> float:
        """Return about what the half-width would be with so many fields in all, no fewer than there are.

        The further ones are taken to scatter as what is known of this steel and of others says together: a forecast by
        the few fields alone would take what they scatter by chance for the steel's.
        """
        left, others = self.calibrated_by(np.arange(len(self.errors)))
        return _predicted(_pooled(left, others), fields + _degrees(others), fields, self.coverage)

    def follows_count(self, fields: NDArray[np.intp]) -> bool:
        """Return whether these fields agree better where their counts move the estimate.

        A count moves an estimate since the network leans on how a steel looks. Once that lean is taken off, a count
        that scatters more than the estimate only adds to it.
        """
        if self.counted is None or self.has_no_lines:
            return False
        alone, moved = self._alone(fields)[fields], self._moved(fields)[fields]
        return half_width(moved, self.coverage, self.others_moved) < half_width(alone, self.coverage, self.others)

    @property
    def has_no_lines(self) -> bool:
        """Return whether few fields show lines that would lead a count, so that there is nothing to follow."""
        return self.led is not None and float(np.median(self.led)) == 0.0

    @property
    def leaves_count(self) -> bool:
        """Return whether counts moved the estimate before, and do so no longer."""
        return self.counted is not None and not self.follows_count(np.arange(len(self.errors)))

    def calibrated_by(self, fields: NDArray[np.intp]) -> tuple[Errors, Scatter]:
        """Return what is left of the errors (n,) once these fields have calibrated the opinion, and others' scatter."""
        if self.follows_count(fields):
            return self._moved(fields), self.others_moved
        return self._alone(fields), self.others

    def _alone(self, fields: NDArray[np.intp]) -> Errors:
        return self.errors - proven_bias(self.errors[fields])

    def _moved(self, fields: NDArray[np.intp]) -> Errors:
        assert self.counted is not None
        known = self.counted[fields][np.isfinite(self.counted[fields])]
        counted = self.counted - (proven_bias(known) if len(known) >= FEWEST_FIELDS - 1 else 0.0)
        return self._informed(self._alone(fields), counted)

    def _informed(self, errors: Errors, counted: Errors) -> Errors:
        """Return the errors (n,) of estimates that counts with errors (n,) have moved."""
        led = np.ones(len(errors)) if self.led is None else self.led
        return errors + [way_to_count(*one) for one in zip(errors, counted, led, strict=True)]

    @property
    def before(self) -> tuple[float, float]:
        """Return the mean absolute error, and the share inside the interval where there is one, as the weights were."""
        errors = self.errors if self.counted is None else self._informed(self.errors, self.counted)
        known = np.isfinite(self.half_widths)
        inside = float(np.mean(np.abs(errors[known]) <= self.half_widths[known])) if known.any() else math.nan
        return float(np.abs(errors).mean()), inside

    @property
    def after(self) -> tuple[float, float]:
        """Return the same of each field, calibrated by the others."""
        own, inside = [], []
        for number in range(len(self.errors)):
            rest = np.delete(np.arange(len(self.errors)), number)
            left, others = self.calibrated_by(rest)
            own.append(abs(left[number]))
            inside.append(own[-1] <= half_width(left[rest], self.coverage, others))
        return float(np.mean(own)), float(np.mean(inside))


def proven_bias(errors: Errors) -> float:
    """Return the mean of errors (n,) as far as it is no chance."""
    return shrunk_mean(errors, PROVEN)


def half_width(left: Errors, coverage: float, others: Scatter = UNKNOWN) -> float:
    """Return the half-width that holds a further error with this probability, from what is left of n errors.

    Student's prediction interval, t s sqrt(1 + 1 / n), with s about 0, since the bias is taken off already. What is
    known of other specimens is pooled with s, each by its degrees of freedom (moderated t: Smyth 2004, Statistical
    Applications in Genetics and Molecular Biology 3): a few fields that agree by chance do not make an interval
    narrower than any steel's.
    """
    return _predicted(_pooled(left, others), len(left) + _degrees(others), len(left), coverage)


def _pooled(left: Errors, others: Scatter) -> float:
    """Return the variance that what is left of n errors and the scatter of other specimens show together."""
    degrees = _degrees(others)
    return float(np.square(left).sum() + degrees * others[0] ** 2) / (len(left) - 1 + degrees)


def _degrees(others: Scatter) -> float:
    return min(others[1], MOST_DEGREES)


def _predicted(variance: float, known: float, fields: int, coverage: float) -> float:
    """Return the half-width where so many fields show the mean, and as `known` many the variance."""
    return student_t(known, coverage) * math.sqrt(variance * (1.0 + 1.0 / fields))
