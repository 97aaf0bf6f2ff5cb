"""Time a scan of an unchanged archive: python tests/benchmarks/many_files.py [--count 100000].

The archive holds real, tiny files; the ledger is filled directly with grades and maps, the pictures are there (empty),
and the reports marked as written, as a first scan would have left them.
The second scan is the real command with the bundled weights.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gdest.core.files import image_files
from gdest.core.grid import tile_grid
from gdest.core.records import GradeMap
from gdest.core.settings import GradeSettings, answer_settings
from gdest.model.weights_file import read_model_file, weights_path
from gdest.reports.columns import COLUMNS
from gdest.reports.every import REPORTS
from gdest.reports.pictures import picture_names
from gdest.reports.record_file import file_sha256
from gdest.scan.archive import look_at
from gdest.scan.exporting import begin_record, export_key, rules_of
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Finding


def main() -> None:
    """Make the archive and its ledger, scan, print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as temporary:
        root, out = Path(temporary, "archive"), Path(temporary, "out")
        for i in range(count):
            path = root / f"{i // 500:04d}" / f"{i:06d}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%d" % i)
        grid = tile_grid(960, 1280, 224, 224)
        grade_map = GradeMap(np.full(grid.shape, 6.0, np.float32), grid, 1.0, 39, {})
        model = read_model_file(weights_path(None))
        with Ledger.open(out, create=True) as ledger:
            recipe = ledger.recipe(model.name, model.sha256, model.card, answer_settings(GradeSettings()))
            with ledger.writing():
                for file in image_files([root]):
                    cells = {**dict.fromkeys(COLUMNS), "file": file.name, "status": "graded", "g": 6.0}
                    pictures = dict.fromkeys(picture_names(file.name), ("0" * 64, 0))
                    ledger.record(recipe.id, look_at(file), [Finding(cells, grade_map, pictures)])
                    for picture in pictures:
                        (out / picture).parent.mkdir(parents=True, exist_ok=True)
                        (out / picture).touch()
            for name in REPORTS:
                (out / name).touch()
            record = begin_record(model, GradeSettings(), [root], {}, None)
            hashes = {name: file_sha256(out / name) for name in REPORTS}
            ledger.exported(export_key(recipe, record, rules_of(record)), hashes)
            ledger.begin_run(recipe, [root], "host", "now", "0")
        cpu_before = 0.0
        for _ in range(2):
            began = time.monotonic()
            command = [sys.executable, "-m", "gdest", "scan", str(root), "--out", str(out)]
            finished = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
            spent = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = f"{spent.ru_utime + spent.ru_stime - cpu_before:.1f} s of CPU"
            cpu_before = spent.ru_utime + spent.ru_stime
            print(f"scan of {count} unchanged files: {_since(began)}, {cpu}; {finished.stderr.splitlines()[0]}")


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


if __name__ == "__main__":
    main()
