"""Gather the micrographs of one specimen and give it one number, as ASTM E112 does."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdest.core import DataError, SettingsError, grain_size, read_table, student_t

FEWEST_FIELDS = 5
FEWEST_GRAINS = 50
LARGEST_RELATIVE_ACCURACY = 10.0
"""Percent: what E112 asks of a planimetric count."""

UM2_PER_MM2 = 1e6


@dataclass(frozen=True)
class Origin:
    """Name the specimen that a micrograph shows, and what else is known of it."""

    specimen: str
    product: str = ""
    heat: str = ""
    order: str = ""
    location: str = ""


ORIGIN_FIELDS = tuple(one.name for one in fields(Origin))
IDENTITY = ORIGIN_FIELDS[:4]
"""What tells specimens apart: two heats may use the same name."""


@dataclass(frozen=True)
class SpecimenRule:
    """Hold the rule that gives a file its specimen: its folder, a regular expression, or a list."""

    folder: str = ""
    pattern: re.Pattern[str] | None = None
    listed: Mapping[str, Origin] | None = None

    def origin(self, file: str) -> Origin | None:
        """Return the origin of a file (path relative to its root, `/`); None where the rule gives none."""
        if self.listed is not None:
            return self.listed.get(file)
        if self.pattern is not None:
            match = self.pattern.search(file)
            named = {name: value for name, value in match.groupdict().items() if value} if match else {}
            return Origin(**named) if "specimen" in named else None
        parent = file.rpartition("/")[0]
        name = parent.partition("/")[0] if self.folder == "top" else parent
        return Origin(name) if name else None


def specimen_rule(section: Mapping[str, Any] | None, base: Path) -> SpecimenRule | None:
    """Return the rule of a `[specimen]` section; a CSV's path is relative to `base`.

    Exactly one of `folder` ("parent" or "top"), `regex` (with a group named specimen) or `csv`
    must be given. Raises `SettingsError` with one sentence.
    """
    if section is None:
        return None
    if not isinstance(section, Mapping) or len(section) != 1 or not {"folder", "regex", "csv"} & set(section):
        raise SettingsError("[specimen] takes exactly one of folder, regex or csv.")
    ((kind, value),) = section.items()
    if not isinstance(value, str):
        raise SettingsError(f"[specimen] {kind} must be text.")
    if kind == "folder":
        if value not in ("parent", "top"):
            raise SettingsError('[specimen] folder is "parent" (the whole path) or "top" (the first folder).')
        return SpecimenRule(folder=value)
    return SpecimenRule(pattern=_pattern(value)) if kind == "regex" else SpecimenRule(listed=_listed(base / value))


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise SettingsError(f"[specimen] regex is not a regular expression: {error}.") from error
    unknown = set(pattern.groupindex) - set(ORIGIN_FIELDS)
    if "specimen" not in pattern.groupindex or unknown:
        known = ", ".join(ORIGIN_FIELDS)
        raise SettingsError(f"[specimen] regex needs a group (?P<specimen>...); group names are {known}.")
    return pattern


def _listed(path: Path) -> dict[str, Origin]:
    try:
        rows = read_table(path)
    except DataError as error:
        raise SettingsError(f"[specimen] csv: {error}") from error
    listed: dict[str, Origin] = {}
    for row in rows:
        name = (row.get("file") or "").strip().replace("\\", "/")
        origin = Origin(**{key: (row.get(key) or "").strip() for key in ORIGIN_FIELDS})
        if not name or not origin.specimen:
            raise SettingsError(f"[specimen] csv: every row of {path} needs a file and a specimen.")
        if listed.setdefault(name, origin) != origin:
            raise SettingsError(f"[specimen] csv: {path} names {name} twice, for two specimens.")
    return listed


@dataclass(frozen=True)
class Field:
    """Hold what a specimen needs of one micrograph: grains per mm2, area in um2, the model's interval of G."""

    grains_per_mm2: float
    area_um2: float
    g_low: float
    g_high: float
    homogeneity: str = "unknown"

    @property
    def grains(self) -> float:
        """Return the estimated number of grains in the field."""
        return self.grains_per_mm2 * self.area_um2 / UM2_PER_MM2


@dataclass(frozen=True)
class SpecimenStatistics:
    """Hold one row of the sheet Specimens; NaN where there are too few fields.

    `fields_left_out` counts micrographs that are not `graded`. `g_low`..`g_high` is the 95 % interval by
    Student's t over the fields, which an error that all fields share does not widen. `g_model_half` is the mean
    half-width of the network's own intervals, which more fields do not shrink.
    """

    origin: Origin
    fields: int
    fields_left_out: int
    area_mm2: float
    grains: float
    grains_per_mm2: float
    sd_per_mm2: float
    ci95_per_mm2: float
    relative_accuracy: float
    g: float
    g_low: float
    g_high: float
    g_model_half: float
    g_iso_643: float
    mean_diameter_um: float
    mean_intercept_um: float
    duplex_fields: int
    unknown_fields: int
    flags: tuple[str, ...] = field(default=())

    @property
    def homogeneity(self) -> str:
        """Return `uniform`, `duplex in n of m fields`, or `unknown`."""
        if self.duplex_fields:
            return f"duplex in {self.duplex_fields} of {self.fields} fields"
        return "unknown" if self.unknown_fields or not self.fields else "uniform"


def specimen_statistics(origin: Origin, measured: Sequence[Field], left_out: int = 0) -> SpecimenStatistics:
    """Return the E112 statistics of the fields of one specimen, in any order.

    The mean, s (n - 1) and the interval t s / sqrt(n) are those of N_A, and only then become G:
    E112 never averages G. %RA is 100 times the interval over the mean.
    """
    count = len(measured)
    densities = np.sort(np.array([one.grains_per_mm2 for one in measured], np.float64))
    mean = float(densities.mean()) if count else math.nan
    sd, half = scatter(densities)
    accuracy = 100.0 * half / mean
    g = g_of(mean)
    return SpecimenStatistics(
        origin=origin,
        fields=count,
        fields_left_out=left_out,
        area_mm2=math.fsum(one.area_um2 for one in measured) / UM2_PER_MM2,
        grains=math.fsum(one.grains for one in measured),
        grains_per_mm2=mean,
        sd_per_mm2=sd,
        ci95_per_mm2=half,
        relative_accuracy=accuracy,
        g=g,
        g_low=g_of(mean - half),
        g_high=g_of(mean + half),
        g_model_half=math.fsum((one.g_high - one.g_low) / 2.0 for one in measured) / count if count else math.nan,
        g_iso_643=float(grain_size.iso_643(g)),
        mean_diameter_um=float(grain_size.mean_diameter_um(g)),
        mean_intercept_um=float(grain_size.mean_intercept_um(g)),
        duplex_fields=sum(one.homogeneity.startswith("duplex") for one in measured),
        unknown_fields=sum(one.homogeneity == "unknown" for one in measured),
        flags=tuple(_flags(measured, accuracy, left_out)),
    )


def scatter(densities: NDArray[np.float64]) -> tuple[float, float]:
    """Return the standard deviation of N_A and half the 95 % interval of its mean; NaN for fewer than two fields."""
    count = len(densities)
    if count < 2:
        return math.nan, math.nan
    sd = float(densities.std(ddof=1))
    return sd, student_t(count) * sd / math.sqrt(count)


def g_of(density: float) -> float:
    """Return G for N_A grains per mm2, NaN for no density."""
    return float(grain_size.g_from_grains_per_mm2(density)) if density > 0 else math.nan


def _flags(measured: Sequence[Field], accuracy: float, left_out: int) -> Iterable[str]:
    if len(measured) < FEWEST_FIELDS:
        yield f"fewer than {FEWEST_FIELDS} fields"
    if any(one.grains < FEWEST_GRAINS for one in measured):
        yield f"fewer than {FEWEST_GRAINS} grains in a field"
    if accuracy > LARGEST_RELATIVE_ACCURACY:
        yield f"%RA above {LARGEST_RELATIVE_ACCURACY:g}"
    if left_out:
        yield f"{left_out} of {len(measured) + left_out} fields left out (not graded)"
