"""Turn rows into the columns that every report shares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from gdest import __version__
from gdest.core import Failed, Graded, ImageFile, Row, area_by_half_grade, covered_px, grain_size

Cell = str | int | float | None

SMALLEST_SHARE = 0.005
"""A half grade with less of the area is not named."""


@dataclass(frozen=True)
class ModelName:
    """Name the weights that graded a run."""

    name: str
    sha256: str


COLUMNS: dict[str, str] = {
    "file": "path relative to the scanned folder",
    "status": "graded, review, uncalibrated or failed",
    "reason": "why the row needs a person",
    "g": "ASTM grain size number G, mean of the tile grades",
    "g_low": "lower end of the 90 % interval of G",
    "g_high": "upper end of the 90 % interval of G",
    "g_from_density": "G of the mean grain density of the tiles",
    "g_seen": "G as the model sees it at its reference pixel size, before calibration",
    "grains_per_mm2": "grains per mm2 of section, N_A, from g_from_density",
    "mean_diameter_um": "mean planar grain diameter in um, from g_from_density",
    "mean_intercept_um": "mean lineal intercept in um, from g_from_density",
    "g_sd": "standard deviation of the tile grades, in G",
    "g_min": "coarsest tile, G",
    "g_max": "finest tile, G",
    "within_half_g": "share of tiles within 0.5 G of g, 0..1",
    "homogeneity": "uniform, duplex:<suggested type> or unknown; an indication, not an E1181 rating",
    "um_per_px": "pixel size in um",
    "um_per_px_source": "where the pixel size comes from",
    "tiles": "number of 224x224 px tiles the network saw",
    "width_px": "width in px",
    "height_px": "height in px",
    "sha256": "SHA-256 of the file",
    "model": "name of the weights",
    "model_sha256": "SHA-256 of the weights file",
    "gdest_version": "version of gdest",
    "graded_at": "time of grading, UTC, ISO 8601",
    "tiles_used": "tiles that g is the mean of; covered ones (banner, scale bar, mounting, reflection) are left out",
    "area_by_half_g": "share of the area at each half grade, G:percent, coarsest first",
    "homogeneity_note": "what the grade map shows, in words",
    "file_modified": "time of the file's last change, UTC, ISO 8601",
    "g_intercept": "G by the intercept count on automatically found boundaries (--cross-check)",
    "intercepts": "intercepts counted by the cross-check",
    "specimen": "specimen by the rule in gdest.toml",
    "product": "product of the specimen",
    "heat": "heat of the specimen",
    "order": "order of the specimen",
    "location": "location within the specimen",
    "verdict": "pass, fail or undecided by the limits in gdest.toml",
    "verdict_reason": "the limits that gave the verdict",
    "area_mm2": "area examined in mm2: what the tiles cover that g is the mean of",
}
"""Column names in their order, with the unit and meaning of each; new ones are appended."""


def cells(row: Row, model: ModelName) -> dict[str, Cell]:
    """Return a row's cells by column name; None means not known, never 0."""
    found: dict[str, Cell] = dict.fromkeys(COLUMNS)
    found |= {"model": model.name, "model_sha256": model.sha256, "gdest_version": __version__}
    found |= {"file": row.file.name if isinstance(row, Failed) else row.micrograph.file.name}
    found |= {"reason": row.reason or None, "sha256": row.sha256 if isinstance(row, Failed) else row.micrograph.sha256}
    found["file_modified"] = _modified(row.file if isinstance(row, Failed) else row.micrograph.file)
    found |= {"graded_at": row.graded_at, "status": "failed" if isinstance(row, Failed) else row.status}
    if isinstance(row, Graded):
        found |= _graded_cells(row)
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in found.items()
    }


def _modified(file: ImageFile) -> str | None:
    try:
        seconds = file.path.stat().st_mtime
    except (OSError, AttributeError):  # gone meanwhile; a row without a file has no path
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _graded_cells(row: Graded) -> dict[str, Cell]:
    micrograph = row.micrograph
    found: dict[str, Cell] = {
        "g_seen": round(row.g_seen, 3),
        "homogeneity": row.homogeneity,
        "homogeneity_note": row.homogeneity_note or None,
        "g_intercept": None if row.g_intercept is None else round(row.g_intercept, 3),
        "intercepts": row.intercepts,
        "um_per_px": micrograph.um_per_px,
        "um_per_px_source": micrograph.um_per_px_source or None,
        "tiles": row.grade_map.tiles,
        "tiles_used": int(np.count_nonzero(np.isfinite(row.grade_map.g_seen))),
        "width_px": micrograph.cols,
        "height_px": micrograph.rows,
    }
    if row.statistics is None:
        return found
    statistics = row.statistics
    shares = area_by_half_grade(row.grade_map, row.shift)
    found["area_by_half_g"] = " ".join(f"{g:.1f}:{share:.0%}" for g, share in shares if share >= SMALLEST_SHARE)
    grades = ("g", "g_low", "g_high", "g_from_density", "g_sd", "g_min", "g_max", "within_half_g")
    found |= {name: round(float(getattr(statistics, name)), 3) for name in grades}
    found["area_mm2"] = float(f"{_area_mm2(row):.4g}")
    density_g = statistics.g_from_density
    found["grains_per_mm2"] = float(f"{float(grain_size.grains_per_mm2(density_g)):.4g}")
    found["mean_diameter_um"] = float(f"{float(grain_size.mean_diameter_um(density_g)):.4g}")
    found["mean_intercept_um"] = float(f"{float(grain_size.mean_intercept_um(density_g)):.4g}")
    return found


def _area_mm2(row: Graded) -> float:
    """Return the area that the tiles with a grade cover, of a micrograph with a pixel size."""
    grade_map, micrograph = row.grade_map, row.micrograph
    used = covered_px(grade_map.grid, np.isfinite(grade_map.g_seen)) / grade_map.zoom**2
    return min(used, micrograph.rows * micrograph.cols) * ((micrograph.um_per_px or math.nan) * 1e-3) ** 2
