"""Calibrate weights on a lab's own counted fields: bias and interval, without touching the network or the judge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gdest.core import DataError, GradeSettings, GrainCount, ModelCard, how_many, interpolate
from gdest.grading import chance_of_count, informed_half_width
from gdest.model import LoadedModel, save_model
from gdest.reading import read_headers
from gdest.reports import file_sha256
from gdest.training.held_back import warn_of_review, with_grains
from gdest.training.labels import Labelled, read_labels, require_there
from gdest.training.measuring import Measured, measure
from gdest.training.opinion import FEWEST_FIELDS, UNKNOWN, Opinion
from gdest.training.stages import Stage, no_stage
from gdest.training.suspects import warn_of_suspects

SMALLEST_METHOD = 0.05


def calibrate_own(
    data: Path, model: LoadedModel, out: Path, settings: GradeSettings, stage: Stage = no_stage
) -> list[Opinion]:
    """Write the weights with what the labelled micrographs of one steel show of their bias and interval.

    Returns the opinions that were calibrated, the estimate first; the count where five fields or more have one. Raises
    `DataError` for fewer than five fields that show grains, or one that is there twice. Fields in review for another
    doubt calibrate, with a warning. The errors in the card were those of the weights before, so none are kept.
    """
    labelled = read_labels(data, settings.calibration.um_per_px)
    require_there(labelled)
    _require_different(labelled)
    _require_enough(data, labelled, settings)
    bare = replace(model, card=replace(model.card, informed_interval=()))
    measured = with_grains(measure(bare, labelled, replace(settings, count=True), stage))
    warn_of_suspects(measured)
    warn_of_review(measured)
    if len(measured) < FEWEST_FIELDS:
        usable = f"{how_many(len(measured), 'micrograph')} that can be graded"
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
    save_model(model.network, replace(card, training=record, errors={}), out)
    return told


def _require_different(labelled: Sequence[Labelled]) -> None:
    """Raise `DataError` for one file that is there twice: copies scatter by nothing, and prove what one proves."""
    first: dict[str, str] = {}
    for one in labelled:
        other = first.setdefault(file_sha256(one.file.path), one.file.name)
        if other is not one.file.name:
            raise DataError(f"{one.file.name} is the same picture as {other}; name each field once.")


def _require_enough(data: Path, labelled: Sequence[Labelled], settings: GradeSettings) -> None:
    """Raise `DataError` for too few fields before they are measured; the pages of a file are fields of their own."""
    if len(labelled) >= FEWEST_FIELDS:
        return
    fields = sum(1 for one in labelled for _ in read_headers(one.file, settings))
    if fields < FEWEST_FIELDS:
        raise DataError(f"{data} holds {how_many(fields, 'micrograph')}; {FEWEST_FIELDS} or more prove a bias.")


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
