"""Print the seconds and the peak of memory that the reports of many rows take: report_speed.py 50000."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from gdest import __version__
from gdest.reports.assign import Rules, assign, specimen_rows
from gdest.reports.column import Cell
from gdest.reports.columns import COLUMNS
from gdest.reports.limits import Limit
from gdest.reports.record import Record
from gdest.reports.record_file import write_record
from gdest.reports.results_csv import write_csv
from gdest.reports.specimen_rules import SpecimenRule
from gdest.reports.workbook import write_workbook

LIMITS = (Limit("g >= 5.0"), Limit("homogeneity"))


def rows(count: int) -> list[dict[str, Cell]]:
    """Return rows as full as those of a real scan."""
    rng = np.random.default_rng(1)
    table = []
    for index in range(count):
        g = float(rng.uniform(3, 12))
        row: dict[str, Cell] = dict.fromkeys(COLUMNS)
        row |= {"file": f"2026/furnace {index % 90}/charge-{index // 5}/field-{index}.tif", "status": "graded", "g": g}
        row |= {"g_low": g - 0.3, "g_high": g + 0.3, "g_from_density": g, "g_seen": g, "g_sd": 0.2, "g_min": g - 1}
        row |= {"grains_per_mm2": 15.5 * 2 ** (g - 1), "mean_diameter_um": 20.1, "mean_intercept_um": 18.2, "tiles": 30}
        row |= {"g_max": g + 1, "within_half_g": 0.9, "homogeneity": "uniform", "um_per_px": 0.5, "width_px": 1280}
        row |= {"um_per_px_source": "tiff-resolution", "height_px": 960, "sha256": f"{index:064d}", "model": "model"}
        row |= {"model_sha256": "1" * 64, "gdest_version": __version__, "graded_at": "2026-11-23T01:00:00+00:00"}
        row |= {"area_by_half_g": "5.0:50% 5.5:50%", "homogeneity_note": "no more scatter than uniform steel shows"}
        row |= {"file_modified": f"2026-{index % 12 + 1:02d}-{index % 28 + 1:02d}T01:00:00+00:00"}
        table.append(row)
    return table


def main() -> None:
    """Write each report once, print seconds and the peak of memory after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=50_000)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        table = assign(rows(count), Rules(SpecimenRule(folder="parent"), LIMITS))
        record = Record(table, ("/archive",), "model", "1" * 64)
        began = time.monotonic()
        specimens = specimen_rows(record.table, LIMITS)
        _say("specimens", began)
        for title, write in (
            ("results.csv", lambda: write_csv(record.table, out / "results.csv")),
            ("results.xlsx", lambda: write_workbook(record, specimens, LIMITS, out / "results.xlsx")),
            ("run.json", lambda: write_record(record, [], out)),
        ):
            began = time.monotonic()
            write()
            _say(title, began)


def _say(title: str, began: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{title}: {time.monotonic() - began:.1f} s, peak of memory so far {peak:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
