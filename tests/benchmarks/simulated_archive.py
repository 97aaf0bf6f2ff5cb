"""Make archives of many tiny files, with the ledger that a first scan would have left, without grading anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gdest import __version__
from gdest.core.files import image_files
from gdest.core.grid import tile_grid
from gdest.core.records import GradeMap, ImageFile
from gdest.core.settings import GradeSettings
from gdest.reports.column import Cell
from gdest.reports.columns import COLUMNS
from gdest.reports.every import REPORTS
from gdest.reports.pictures import picture_names
from gdest.reports.record_file import file_sha256
from gdest.scan.archive import look_at
from gdest.scan.exporting import export_key, rules_of
from gdest.scan.job import Job, prepare_scan
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Finding

FILES_IN_A_FOLDER = 500
ROWS_IN_A_TRANSACTION = 10_000


def rows(count: int) -> Iterator[dict[str, Cell]]:
    """Yield rows as full as those of a real scan that does not count, sorted by file."""
    rng = np.random.default_rng(1)
    for index in range(count):
        g = float(rng.uniform(3, 12))
        row: dict[str, Cell] = dict.fromkeys(COLUMNS)
        row |= {"file": name_of(index), "status": "graded", "g": g}
        row |= {"g_low": g - 0.3, "g_high": g + 0.3, "g_from_density": g, "g_seen": g, "g_sd": 0.2, "g_min": g - 1}
        row |= {"grains_per_mm2": 15.5 * 2 ** (g - 1), "mean_diameter_um": 20.1, "mean_intercept_um": 18.2, "tiles": 30}
        row |= {"g_max": g + 1, "within_half_g": 0.9, "homogeneity": "uniform", "um_per_px": 0.5, "width_px": 1280}
        row |= {"um_per_px_source": "tiff-resolution", "height_px": 960, "sha256": f"{index:064x}", "model": "model"}
        row |= {"model_sha256": "1" * 64, "gdest_version": __version__, "graded_at": "2026-11-23T01:00:00+00:00"}
        row |= {"area_by_half_g": "5.0:50% 5.5:50%", "homogeneity_note": "no more scatter than uniform steel shows"}
        row |= {"file_modified": f"2026-{index % 12 + 1:02d}-{index % 28 + 1:02d}T01:00:00+00:00", "tiles_used": 28}
        row |= {"fingerprint": rng.bytes(64).hex(), "area_mm2": 0.307}
        yield row


def name_of(index: int) -> str:
    """Return the name of a file: 500 in a folder, which is a specimen."""
    return f"{index // FILES_IN_A_FOLDER:05d}/charge-{index:08d}.tif"


def make_files(root: Path, count: int) -> None:
    """Make empty files of these names."""
    for index in range(count):
        path = root / name_of(index)
        if index % FILES_IN_A_FOLDER == 0:
            path.parent.mkdir(parents=True)
        path.touch()


def fill_ledger(job: Job, count: int, *, real: bool) -> None:
    """Record a grade, a map and pictures of each file, and that the reports say so.

    The files and pictures of a `real` archive are there (empty), those of another only by their names.
    """
    grid = tile_grid(960, 1280, 224, 224)
    grade_map = GradeMap(np.full(grid.shape, 6.0, np.float32), grid, 1.0, 39, {})
    (root,) = job.roots
    files = image_files([root]) if real else (ImageFile(root / name, name) for name in map(name_of, range(count)))
    with Ledger.open(job.out, create=True) as ledger:
        model = job.model
        recipe = ledger.recipe(model.name, model.sha256, model.card, job.answer_settings)
        pairs = zip(files, rows(count), strict=True)
        for start in range(0, count, ROWS_IN_A_TRANSACTION):
            with ledger.writing():
                for _ in range(min(ROWS_IN_A_TRANSACTION, count - start)):
                    file, row = next(pairs)
                    pictures = dict.fromkeys(picture_names(file.name), ("0" * 64, 0))
                    ledger.record(recipe.id, look_at(file), [Finding(row, grade_map, pictures)])
                    if real:
                        _make_pictures(job.out, list(pictures))
        if real:
            for name in REPORTS:
                (job.out / name).touch()
            hashes = {name: file_sha256(job.out / name) for name in REPORTS}
            ledger.exported(export_key(recipe, job.record, rules_of(job.record)), hashes)
        ledger.begin_run(recipe, [root], "host", "now", "0")


def _make_pictures(out: Path, names: list[str]) -> None:
    for name in names:
        try:
            (out / name).touch()
        except FileNotFoundError:
            (out / name).parent.mkdir(parents=True)
            (out / name).touch()


def simulated_job(root: Path, out: Path) -> Job:
    """Return the job of a scan of the root by the bundled weights."""
    root.mkdir(parents=True, exist_ok=True)
    return prepare_scan([root], out, GradeSettings())
