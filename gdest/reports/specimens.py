"""Gather the micrographs of one specimen and give it one number, as ASTM E112 does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gdest.core import grain_size, is_duplex, student_t, told_apart
from gdest.reports.between_fields import OwnScatter, are_scattered, excess_sd
from gdest.reports.specimen_rules import Origin

FEWEST_FIELDS = 5
FEWEST_GRAINS = 50
LARGEST_RELATIVE_ACCURACY = 10.0
"""Percent: what E112 asks of a planimetric count."""

UM2_PER_MM2 = 1e6


@dataclass(frozen=True)
class Field:
    """Hold what a specimen needs of one micrograph: grains per mm2, area in um2, the model's interval of G.

    The interval is NaN where the field is mixed. `sd_of_mean` is what the scatter of its tiles leaves to their mean
    grade, in G, NaN for a single tile.
    """

    grains_per_mm2: float
    area_um2: float
    g_low: float
    g_high: float
    homogeneity: str = "unknown"
    sd_of_mean: float = math.nan

    @property
    def grains(self) -> float:
        """Return the estimated number of grains in the field: density times area, no count."""
        return self.grains_per_mm2 * self.area_um2 / UM2_PER_MM2

    @property
    def own_scatter(self) -> OwnScatter:
        """Return G with its standard deviation by the tiles, or by so many grains at random where that is more."""
        of_grains = 1.0 / (math.log(2.0) * math.sqrt(self.grains)) if self.grains > 0 else math.nan
        return OwnScatter(g_of(self.grains_per_mm2), float(np.fmax(self.sd_of_mean, of_grains)))


@dataclass(frozen=True)
class Left:
    """Count what is no field of a specimen: micrographs that are not graded, copies, and what is no metal or broken.

    `unlike` counts the copies whose G is not that of their field.
    """

    not_graded: int = 0
    copies: int = 0
    unlike: int = 0
    no_metal: int = 0
    unread: int = 0


@dataclass(frozen=True)
class SpecimenStatistics:
    """Hold one row of the sheet Specimens; NaN where there are too few fields.

    `fields_left_out` counts micrographs of metal that are not `graded`. `g_low`..`g_high` is the 95 % interval by
    Student's t over the fields, which an error that all fields share does not widen. `g_model_half` is the mean
    half-width of the network's own intervals, which more fields do not shrink. Both are NaN where a field is mixed.
    `g_between_fields` is the standard deviation of G between fields beyond their own scatter. `homogeneity` is
    `uniform`, `duplex in n of m fields`, `scattered (fields of G a..b)` or `unknown`.
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
    homogeneity: str
    g_between_fields: float
    copies_left_out: int
    flags: tuple[str, ...] = field(default=())


def specimen_statistics(origin: Origin, measured: Sequence[Field], left: Left = Left()) -> SpecimenStatistics:
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
    scattered = [one.own_scatter for one in measured]
    homogeneity = joint_homogeneity([one.homogeneity for one in measured], scattered)
    one_g = not is_duplex(homogeneity)
    return SpecimenStatistics(
        origin=origin,
        fields=count,
        fields_left_out=left.not_graded,
        area_mm2=math.fsum(one.area_um2 for one in measured) / UM2_PER_MM2,
        grains=math.fsum(one.grains for one in measured),
        grains_per_mm2=mean,
        sd_per_mm2=sd,
        ci95_per_mm2=half,
        relative_accuracy=accuracy,
        g=g,
        g_low=g_of(mean - half) if one_g else math.nan,
        g_high=g_of(mean + half) if one_g else math.nan,
        g_model_half=math.fsum((one.g_high - one.g_low) / 2.0 for one in measured) / count if count else math.nan,
        g_iso_643=float(grain_size.iso_643(g)),
        mean_diameter_um=float(grain_size.mean_diameter_um(g)),
        mean_intercept_um=float(grain_size.mean_intercept_um(g)),
        homogeneity=homogeneity,
        g_between_fields=excess_sd(scattered),
        copies_left_out=left.copies,
        flags=tuple(_flags(measured, accuracy, left)),
    )


def joint_homogeneity(kinds: Sequence[str], fields: Sequence[OwnScatter]) -> str:
    """Return the homogeneity of a specimen from what is said of each of its fields, and from how their G differ."""
    mixed = sum(is_duplex(kind) for kind in kinds)
    if mixed:
        return f"duplex in {mixed} of {len(kinds)} fields"
    if are_scattered(fields):
        coarsest, finest = told_apart(min(one.g for one in fields), max(one.g for one in fields))
        return f"scattered (fields of G {coarsest}..{finest})"
    return "uniform" if kinds and all(kind == "uniform" for kind in kinds) else "unknown"


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


def _flags(measured: Sequence[Field], accuracy: float, left: Left) -> Iterable[str]:
    if len(measured) < FEWEST_FIELDS:
        yield f"fewer than {FEWEST_FIELDS} fields"
    if any(one.grains < FEWEST_GRAINS for one in measured):
        yield f"fewer than {FEWEST_GRAINS} grains in a field, by the estimate"
    if accuracy > LARGEST_RELATIVE_ACCURACY:
        yield f"%RA above {LARGEST_RELATIVE_ACCURACY:g}"
    if left.not_graded:
        yield f"{left.not_graded} of {len(measured) + left.not_graded} fields left out (not graded)"
    yield from notes_on(left)


def notes_on(left: Left) -> Iterator[str]:
    """Yield the flags that say what is no field of a specimen, and name nothing that falls short of E112."""
    if left.copies:
        yield f"{left.copies} {'copy' if left.copies == 1 else 'copies'} left out (one field counts once)"
    if left.unlike:
        yield f"{left.unlike} of these with another G than their field: check the pixel sizes"
    if left.no_metal:
        yield f"{left.no_metal} {'picture' if left.no_metal == 1 else 'pictures'} without metal"
    if left.unread:
        yield f"{left.unread} {'file' if left.unread == 1 else 'files'} that could not be read"
