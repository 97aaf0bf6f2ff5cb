"""Convert between grain size number G and everything that is counted or measured.

Definition (ASTM E112): N = 2^(G-1) grains per square inch at 100x. One square inch at 100x is
0.0645 mm2 of specimen, so N_A = 15.5 * 2^(G-1) per mm2. All functions take and return floats or
numpy arrays; NaN stays NaN, a density or length that is not positive gives NaN or -inf as
numpy's log2 does.
"""

from __future__ import annotations

from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])

GRAINS_PER_MM2_AT_G1 = 15.5
"""Grains per mm2 at G = 1: 645.16 mm2 in a square inch, 100 squared, rounded as E112 does."""

INTERCEPT_SLOPE = -6.643856
INTERCEPT_OFFSET = -3.288


def grains_per_mm2(g: Number) -> Number:
    """Return N_A, the grains per mm2 of section, for a grain size number.

    >>> float(grains_per_mm2(8.0))
    1984.0
    """
    return cast(Number, np.multiply(GRAINS_PER_MM2_AT_G1, np.exp2(np.subtract(g, 1.0))))


def g_from_grains_per_mm2(density: Number) -> Number:
    """Return G for N_A grains per mm2 (E112: 3.321928 log10(N_A) - 2.954).

    >>> round(float(g_from_grains_per_mm2(1984.0)), 3)
    8.0
    """
    return cast(Number, np.add(np.log2(np.divide(density, GRAINS_PER_MM2_AT_G1)), 1.0))


def g_of_mean_density(g: NDArray[np.floating], weights: NDArray[np.float64] | None = None) -> float:
    """Return G of the mean grain density of parts with these G, weighted if `weights` are given: E112 averages N_A.

    >>> round(g_of_mean_density(np.array([8.0, 10.0])), 3)
    9.322
    """
    density = np.average(grains_per_mm2(g.astype(np.float64)), weights=weights)
    return float(g_from_grains_per_mm2(float(density)))


def mean_area_um2(g: Number) -> Number:
    """Return the mean section area of a grain in um2, 1 / N_A.

    >>> round(float(mean_area_um2(8.0)))
    504
    """
    return cast(Number, np.divide(1e6, grains_per_mm2(g)))


def g_from_mean_area_um2(area: Number) -> Number:
    """Return G for a mean section area in um2.

    >>> round(float(g_from_mean_area_um2(504.03)), 3)
    8.0
    """
    return g_from_grains_per_mm2(cast(Number, np.divide(1e6, area)))


def mean_diameter_um(g: Number) -> Number:
    """Return the mean planar grain diameter d = sqrt(mean area), in um.

    >>> round(float(mean_diameter_um(0.0)), 1)
    359.2
    """
    return cast(Number, np.sqrt(mean_area_um2(g)))


def g_from_mean_diameter_um(diameter: Number) -> Number:
    """Return G for a mean planar grain diameter sqrt(mean area) in um.

    >>> round(float(g_from_mean_diameter_um(22.45)), 2)
    8.0
    """
    return g_from_mean_area_um2(cast(Number, np.square(diameter)))


def mean_intercept_um(g: Number) -> Number:
    """Return the mean lineal intercept l in um (E112: G = -6.643856 log10(l in mm) - 3.288).

    >>> round(float(mean_intercept_um(0.0)))
    320
    """
    exponent = np.divide(np.subtract(g, INTERCEPT_OFFSET), INTERCEPT_SLOPE)
    return cast(Number, np.multiply(1e3, np.power(10.0, exponent)))


def g_from_mean_intercept_um(intercept: Number) -> Number:
    """Return G for a mean lineal intercept in um.

    >>> round(float(g_from_mean_intercept_um(20.0)), 2)
    8.0
    """
    return cast(Number, np.add(np.multiply(INTERCEPT_SLOPE, np.log10(np.divide(intercept, 1e3))), INTERCEPT_OFFSET))


def iso_643(g: Number) -> Number:
    """Return the ISO 643 number G_ISO = log2(N_A) - 3, about 0.046 below the ASTM number.

    >>> round(8.0 - float(iso_643(8.0)), 3)
    0.046
    """
    return cast(Number, np.subtract(np.log2(grains_per_mm2(g)), 3.0))


def g_from_iso_643(g_iso: Number) -> Number:
    """Return G for an ISO 643 number.

    >>> round(float(g_from_iso_643(iso_643(8.0))), 6)
    8.0
    """
    return g_from_grains_per_mm2(cast(Number, np.exp2(np.add(g_iso, 3.0))))


def g_after_zoom(g: Number, zoom: Number | float) -> Number:
    """Return the G that an image seems to have once it is enlarged `zoom` times: G - 2 log2(zoom).

    >>> float(g_after_zoom(6.0, 2.0))
    4.0
    """
    return cast(Number, np.subtract(g, np.multiply(2.0, np.log2(zoom))))


def g_seen(g: Number, um_per_px: float, reference_um_per_px: float) -> Number:
    """Return the G that a model with another reference pixel size sees.

    >>> float(g_seen(6.0, 0.5, 1.0))
    4.0
    """
    return g_after_zoom(g, reference_um_per_px / um_per_px)


def g_from_seen(seen: Number, um_per_px: float, reference_um_per_px: float) -> Number:
    """Return the true G: G_seen - 2 log2(p / p0), the inverse of `g_seen`.

    >>> float(g_from_seen(4.0, 0.5, 1.0))
    6.0
    """
    return g_after_zoom(seen, um_per_px / reference_um_per_px)


def planimetric_count(inside: float, cut: float, corners: float = 0.0) -> float:
    """Return Saltikov's count for a rectangle: inside + cut / 2, each corner grain a quarter.

    >>> planimetric_count(inside=10, cut=8, corners=4)
    15.0
    """
    return inside + cut / 2.0 + corners / 4.0


def g_from_count(count: float, area_mm2: float) -> float:
    """Return G for a planimetric count of grains on an area.

    >>> round(g_from_count(1984.0, 1.0), 3)
    8.0
    """
    return float(g_from_grains_per_mm2(count / area_mm2))
