"""Real steel by material: grade and count every field of a folder with a `truth.csv`, and sum up each material once."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gdest.core import Graded, GradeSettings, Status
from gdest.grading import Predictor
from gdest.model import NetworkPredictor, load_model
from gdest.training.labels import Labelled, read_labels
from gdest.training.measuring import Measured, measure_with

OWN_MATERIALS = {
    "rogsoares-mixed/Metallographic-Etching.jpg": "rogsoares-tint",
    "rogsoares-mixed/ferrita-400X-25um.jpg": "rogsoares-400x",
    "304-200": "SUS304-200x",
    "304-500": "SUS304-500x",
}
"""Files and folders that are a material under another name than their folder's."""

MIT = ("pure-iron", "SUS304-200x", "SUS304-500x", "1-200", "bnsreenu-grains", "brass-c2600", "tbm-polarised")
"""Materials whose licence lets them train or calibrate the bundled weights."""

WITH_LINES = ("316L", "austenite-ilic", "nist-steel", "rogsoares-400x", "scale-bar")
WITHOUT_LINES = ("rogsoares-tint", "liyangxu-set4", "tbm-polarised")


def rows_of_truth(micrographs: Path) -> list[dict[str, str]]:
    """Return the rows of the `truth.csv` in a folder of micrographs, those without a G too."""
    with open(micrographs / "truth.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def material_of(file: str) -> str:
    """Return the material of a field by its path relative to the folder of micrographs."""
    folder = file.rpartition("/")[0]
    return OWN_MATERIALS.get(file) or OWN_MATERIALS.get(folder) or folder


@dataclass(frozen=True)
class Answer:
    """Hold one answer for one field: G and its interval, NaN where there is none, and the truth."""

    g: float
    low: float
    high: float
    truth: float
    used: bool

    @property
    def error(self) -> float:
        """Return found minus true G; a positive error reads too fine."""
        return self.g - self.truth


def estimate_of(one: Measured) -> Answer:
    """Return what the regressor answers; it is used where the field is not sent to review."""
    found = one.statistics
    return Answer(found.g, found.g_low, found.g_high, one.item.g, one.row.status == Status.GRADED)


def count_of(one: Measured) -> Answer:
    """Return what was counted; it is used where there is a count."""
    count = one.row.count
    if count is None:
        return Answer(np.nan, np.nan, np.nan, one.item.g, False)
    return Answer(count.g, count.g_low, count.g_high, one.item.g, bool(np.isfinite(count.g)))


@dataclass(frozen=True)
class Summary:
    """Hold the errors of one material; `scatter` is about its own bias, `used` the share of answers that count.

    `inside` is the share of all intervals that hold the truth, `inside_used` that of the answers that count.
    """

    count: int
    used: float
    bias: float
    mae: float
    scatter: float
    inside: float
    inside_used: float
    half_width: float

    def cells(self) -> str:
        """Return the summary as cells of a Markdown table."""
        return (
            f"{self.count} | {self.used:.0%} | {self.bias:+.2f} | {self.mae:.2f} | {self.scatter:.2f} | "
            f"{self.inside:.0%} | {self.inside_used:.0%} | {self.half_width:.2f}"
        )


HEADER = "n | used | bias | MAE | scatter | inside | of used | half-width"


def summary_of(answers: Iterable[Answer]) -> Summary:
    """Return the summary of answers; errors are those of all that have a G, used or not."""
    answers = list(answers)
    known = [one for one in answers if np.isfinite(one.g)]
    errors = np.array([one.error for one in known])
    if not len(errors):
        return Summary(len(answers), 0.0, *[np.nan] * 6)
    return Summary(
        count=len(answers),
        used=float(np.mean([one.used for one in answers])),
        bias=float(errors.mean()),
        mae=float(np.abs(errors).mean()),
        scatter=float(errors.std()),
        inside=_share_inside(known),
        inside_used=_share_inside([one for one in known if one.used]),
        half_width=float(np.nanmedian([(one.high - one.low) / 2.0 for one in known])),
    )


def _share_inside(answers: Iterable[Answer]) -> float:
    inside = [one.low <= one.truth <= one.high for one in answers if np.isfinite(one.low)]
    return float(np.mean(inside)) if inside else float("nan")


def mean_over(summaries: Sequence[Summary]) -> Summary:
    """Return the mean of materials, each counting once; those without an answer count for `used` alone.

    A material without an interval, since its fields are mixed, counts for no share inside and no half-width.
    """
    known = [one for one in summaries if np.isfinite(one.mae)]

    def mean(name: str) -> float:
        values = [value for one in known if np.isfinite(value := getattr(one, name))]
        return float(np.mean(values)) if values else float("nan")

    used = float(np.mean([one.used for one in summaries])) if summaries else float("nan")
    names = ("bias", "mae", "scatter", "inside", "inside_used", "half_width")
    return Summary(sum(one.count for one in summaries), used, *(mean(name) for name in names))


def predictor_of(weights: Path, settings: GradeSettings) -> Predictor:
    """Return the predictor of a weights file."""
    return NetworkPredictor(load_model(weights), settings)


def measured_fields(micrographs: Path, predictor: Predictor, settings: GradeSettings) -> dict[str, list[Measured]]:
    """Return the fields with a truth by material, in the order of `truth.csv`."""
    items: list[Labelled] = read_labels(micrographs / "truth.csv", None)
    groups: dict[str, list[Measured]] = {}
    for one in measure_with(predictor, items, settings):
        groups.setdefault(material_of(one.item.file.name), []).append(one)
    return groups


def graded_share(rows: Sequence[object]) -> float:
    """Return the share of rows that are graded."""
    return float(np.mean([isinstance(row, Graded) and row.status == Status.GRADED for row in rows]))
