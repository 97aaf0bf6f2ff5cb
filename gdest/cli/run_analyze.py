"""Grade single files and print them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from gdest.cli.console import Tally, print_rows
from gdest.cli.run_info import load_weights
from gdest.core import Graded, GradeSettings, ImageFile, read_config, say, with_rules
from gdest.grading import grade_micrographs
from gdest.model import NetworkPredictor
from gdest.reports import ModelName, write_heatmap


def run_analyze(
    images: Sequence[Path],
    settings: GradeSettings,
    weights: Path | None,
    config: Path | None,
    *,
    heatmap: bool,
    as_json: bool,
) -> int:
    """Grade single files and print them on standard output; return the exit code.

    Of a gdest.toml only the pixel sizes count; their globs see each path as it was given.
    """
    settings = with_rules(settings, read_config(config))
    predictor = NetworkPredictor(load_weights(weights), settings)
    tally = Tally(ModelName(predictor.name, predictor.sha256))
    files = [ImageFile(path, path.as_posix()) for path in images]
    for row in grade_micrographs(files, predictor, settings):
        tally.add(row)
        if heatmap and isinstance(row, Graded):
            _draw_beside(row)
    if as_json:
        sys.stdout.write(json.dumps(tally.table, indent=2, ensure_ascii=False) + "\n")
    else:
        print_rows(tally.table)
    return tally.exit_code()


def _draw_beside(row: Graded) -> None:
    path = Path(f"{Path(row.micrograph.file.name).name}.heatmap.png")
    write_heatmap(row, path)
    say(f"Heatmap: {path}")
