"""Turn rows into the cells that every report shares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from gdest.core import (
    Failed,
    Graded,
    GradeStatistics,
    ImageFile,
    Row,
    Status,
    __version__,
    area_by_half_grade,
    covered_px,
    grain_size,
)
from gdest.reports.column import SMALLEST_SHARE, Cell, four_digits
from gdest.reports.columns import COLUMNS
from gdest.reports.counted_cells import count_cells


@dataclass(frozen=True)
class ModelName:
    """Name the weights that graded the rows."""

    name: str
    sha256: str


def cells(row: Row, model: ModelName) -> dict[str, Cell]:
    """Return a row's cells by column name; None means unknown, never 0."""
    found: dict[str, Cell] = dict.fromkeys(COLUMNS)
    found |= {"model": model.name, "model_sha256": model.sha256, "gdest_version": __version__}
    found |= {"reason": row.reason or None, "graded_at": row.graded_at}
    if isinstance(row, Failed):
        found |= {"status": Status.FAILED} | _file_cells(row.file, row.sha256)
    else:
        found |= {"status": row.status} | _file_cells(row.micrograph.file, row.micrograph.sha256) | _seen_cells(row)
        found |= _calibrated_cells(row, row.statistics) if row.statistics else {}
        found |= count_cells(row.count, row.micrograph.um_per_px)
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in found.items()
    }


def _file_cells(file: ImageFile, sha256: str | None) -> dict[str, Cell]:
    return {"file": file.name, "sha256": sha256, "file_modified": _modified(file)}


def _modified(file: ImageFile) -> str | None:
    try:
        return datetime.fromtimestamp(file.path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except (OSError, AttributeError):  # gone meanwhile; a row without a file has no path
        return None
    except (ValueError, OverflowError):  # a clock that went wrong, beyond the year 9999
        return None


def _seen_cells(row: Graded) -> dict[str, Cell]:
    """Return what is known of a micrograph without its pixel size as well."""
    micrograph = row.micrograph
    return {
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
        "fingerprint": micrograph.fingerprint or None,
    }


def _calibrated_cells(row: Graded, statistics: GradeStatistics) -> dict[str, Cell]:
    """Return what only a pixel size tells: G, its interval, and grains from the mean density."""
    shares = area_by_half_grade(row.grade_map, row.shift)
    density_g = statistics.g_from_density
    grades = ("g", "g_low", "g_high", "g_from_density", "g_sd", "g_min", "g_max", "within_half_g")
    return {
        **{name: round(float(getattr(statistics, name)), 3) for name in grades},
        "area_by_half_g": " ".join(f"{g:.1f}:{share:.0%}" for g, share in shares if share >= SMALLEST_SHARE),
        "area_mm2": four_digits(_area_mm2(row)),
        "grains_per_mm2": four_digits(grain_size.grains_per_mm2(density_g)),
        "mean_diameter_um": four_digits(grain_size.mean_diameter_um(density_g)),
        "mean_intercept_um": four_digits(grain_size.mean_intercept_um(density_g)),
    }


def _area_mm2(row: Graded) -> float:
    """Return the area in mm2 under the tiles with a grade, of a micrograph with a pixel size."""
    grade_map, micrograph = row.grade_map, row.micrograph
    used = covered_px(grade_map.grid, np.isfinite(grade_map.g_seen)) / grade_map.zoom**2
    return min(used, micrograph.rows * micrograph.cols) * ((micrograph.um_per_px or math.nan) * 1e-3) ** 2
