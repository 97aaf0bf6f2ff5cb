"""Grade single files and print them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gdest.cli.console import print_rows
from gdest.cli.images import settings_for
from gdest.cli.run_info import load_weights
from gdest.core import (
    ExitCode,
    Graded,
    GradeSettings,
    escaped_json,
    exit_code,
    file_at,
    fitting_name,
    say,
)
from gdest.grading import grade_micrographs
from gdest.model import NetworkPredictor
from gdest.reports import Cell, ModelName, cells, draw_overlay, save_png, write_heatmap


def run_analyze(
    images: Sequence[Path],
    settings: GradeSettings,
    weights: Path | None,
    config: Path | None,
    *,
    heatmap: bool,
    as_json: bool,
) -> ExitCode:
    """Grade single files and print them on standard output; return the exit code.

    Only the pixel sizes of a gdest.toml count; their globs are held against each path as the user gave it.
    """
    settings = settings_for(images, settings, config)
    files = [file_at(path) for path in images]
    predictor = NetworkPredictor(load_weights(weights), settings)
    model = ModelName(predictor.name, predictor.sha256)
    table: list[dict[str, Cell]] = []
    for row in grade_micrographs(files, predictor, settings):
        table.append(cells(row, model))
        if heatmap and isinstance(row, Graded):
            _draw_beside(row)
    if as_json:
        sys.stdout.write(escaped_json(json.dumps(table, indent=2, ensure_ascii=False)) + "\n")
    else:
        print_rows(table)
    return exit_code(Counter(str(row["status"]) for row in table))


def _draw_beside(row: Graded) -> None:
    name = Path(row.micrograph.file.name).name
    heatmap, overlay = Path(fitting_name(name, ".heatmap.png")), Path(fitting_name(name, ".overlay.png"))
    write_heatmap(row, heatmap)
    say(f"Heatmap: {heatmap}")
    if row.count is not None:
        save_png(draw_overlay(row), overlay)
        say(f"Counted grains: {overlay}")
