"""Calibrate weights on a lab's own counted fields: bias and interval, without touching the network or the judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gdest.core import DataError, GradeSettings, GrainCount, ModelCard, interpolate, student_t
from gdest.grading import chance_of_count, informed_half_width, way_to_count
from gdest.model import LoadedModel, save_model
from gdest.reports import file_sha256
from gdest.training.calibrating import shrunk_mean
from gdest.training.labels import Labelled, read_labels, require_there
from gdest.training.measuring import Measured, measure
from gdest.training.stages import Stage, no_stage
from gdest.training.suspects import warn_of_suspects

FEWEST_FIELDS = 5
"""Fewer fields prove no bias, and their scatter says little."""

PROVEN = 2.0
"""Standard errors within which a mean error may be chance."""

COVERAGES = {"estimate": 0.9, "count": 0.95}
SMALLEST_METHOD = 0.05

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
        """Return about what the half-width would be with so many fields that scatter like these."""
        left, others = self.calibrated_by(np.arange(len(self.errors)))
        return _predicted(_variance(left), fields, self.coverage, others)

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
    return _predicted(_variance(left), len(left), coverage, others)


def _variance(left: Errors) -> float:
    return float(np.square(left).sum()) / (len(left) - 1)


def _predicted(variance: float, fields: int, coverage: float, others: Scatter) -> float:
    scatter, degrees = others[0], min(others[1], MOST_DEGREES)
    pooled = ((fields - 1) * variance + degrees * scatter**2) / (fields - 1 + degrees)
    return student_t(fields + degrees, coverage) * math.sqrt(pooled * (1.0 + 1.0 / fields))


def calibrate_own(
    data: Path, model: LoadedModel, out: Path, settings: GradeSettings, stage: Stage = no_stage
) -> list[Opinion]:
    """Write the weights with what the labelled micrographs of one steel show of their bias and interval.

    Returns the opinions that were calibrated, the estimate first; the count where five fields or more have one. Raises
    `DataError` for fewer than five fields, or one that is there twice.
    """
    labelled = read_labels(data, settings.calibration.um_per_px)
    require_there(labelled)
    _require_different(labelled)
    bare = replace(model, card=replace(model.card, informed_interval=()))
    measured = measure(bare, labelled, replace(settings, count=True), stage)
    warn_of_suspects(measured)
    if len(measured) < FEWEST_FIELDS:
        usable = f"{len(measured)} micrographs that can be graded"
        raise DataError(f"{data} holds {usable}; {FEWEST_FIELDS} or more prove a bias.")
    card = model.card
    opinions = opinions_of(measured, card)
    for opinion in opinions:
        card = _with_estimate(card, opinion) if opinion.name == "estimate" else _with_count(card, opinion, measured)
    record = {**card.training, "own_fields": str(len(measured)), "own_data": data.name}
    told = [_informed_by_count(opinions[0], measured, model.card), *opinions[1:]]
    if told[0].counted is not None:
        interval = () if told[0].leaves_count else ((card.g_min, round(told[0].half_width, 4)),)
        card = replace(card, informed_interval=interval, informed_scale=())
    save_model(model.network, replace(card, training=record), out)
    return told


def _require_different(labelled: Sequence[Labelled]) -> None:
    """Raise `DataError` for one file that is there twice: copies scatter by nothing, and prove what one proves."""
    first: dict[str, str] = {}
    for one in labelled:
        other = first.setdefault(file_sha256(one.file.path), one.file.name)
        if other is not one.file.name:
            raise DataError(f"{one.file.name} is the same picture as {other}; name each field once.")


def opinions_of(measured: Sequence[Measured], card: ModelCard) -> list[Opinion]:
    """Return what the fields show of the estimate, and of the count where enough have one."""
    estimates = [(one.error, (one.statistics.g_high - one.statistics.g_low) / 2.0) for one in measured]
    counts = [
        (one.row.count.g - one.item.g, (one.row.count.g_high - one.row.count.g_low) / 2.0)
        for one in measured
        if one.row.count is not None and math.isfinite(one.row.count.g)
    ]
    opinions = []
    for name, rows in {"estimate": estimates, "count": counts}.items():
        if len(rows) >= FEWEST_FIELDS:
            errors, half_widths = np.array(rows).T
            opinions.append(Opinion(name, errors, half_widths, others=card.own_scatter.get(name, UNKNOWN)))
    return opinions


def _informed_by_count(estimate: Opinion, measured: Sequence[Measured], card: ModelCard) -> Opinion:
    """Return the estimate as a scan that counts tells it, where these weights let the count move it."""
    counts = [one.count or GrainCount() for one in measured]
    counted = np.array([count.g - one.item.g for count, one in zip(counts, measured, strict=True)])
    if not card.informed_interval or not np.isfinite(counted).any():
        return estimate
    each = zip(measured, estimate.half_widths.tolist(), counts, strict=True)
    before = [informed_half_width(one.row.g_seen, alone, count, card) for one, alone, count in each]
    others = card.own_scatter.get("informed", UNKNOWN)
    led = np.array([count.led_by_lines for count in counts])
    return replace(estimate, half_widths=np.array(before), counted=counted, others_moved=others, led=led)


def _with_estimate(card: ModelCard, found: Opinion) -> ModelCard:
    before = card.correction or ((card.g_min, 0.0),)
    correction = tuple((g, round(too_fine + found.bias, 4)) for g, too_fine in before)
    return replace(card, correction=correction, interval=((card.g_min, round(found.half_width, 4)),))


def _with_count(card: ModelCard, found: Opinion, measured: Sequence[Measured]) -> ModelCard:
    """Return the card with the count's bias, and its interval less what the grains' own number makes of it."""
    chances = [chance_of_count(one.row.count.relative_accuracy) for one in measured if one.row.count is not None]
    chance = float(np.nanmean(chances))
    method = math.sqrt(max(found.half_width**2 - chance**2, SMALLEST_METHOD**2))
    bias = interpolate(card.counting.get("bias", ((0.0, 0.0),)), 0.0) + found.bias
    return replace(card, counting={"bias": ((0.0, round(bias, 4)),), "interval": ((0.0, round(method, 4)),)})
