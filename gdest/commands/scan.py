"""Scan an archive: grade every image below the roots, then write the reports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import median

from gdest import __version__
from gdest.archive import image_files
from gdest.commands.weights import load_weights
from gdest.config import read_config
from gdest.console import STATUSES, Tally, print_summary, progress, say
from gdest.errors import NothingGradedError, SettingsError
from gdest.heatmap import heatmap_name, write_heatmap
from gdest.pipeline import grade_micrographs, now
from gdest.predict import NetworkPredictor
from gdest.reading.pixel_size import with_rules
from gdest.records import Graded, ImageFile
from gdest.reports.csv import write_csv
from gdest.reports.table import Cell, ModelName
from gdest.reports.workbook import write_workbook
from gdest.settings import GradeSettings

DRAW_AHEAD = 8
NOTE = (
    "G is an estimate by a trained network, not an E112 measurement; homogeneity is an indication, not an E1181 rating."
)


def run_scan(
    roots: Sequence[Path],
    out: Path,
    settings: GradeSettings,
    weights: Path | None,
    config: Path | None = None,
    *,
    heatmaps: bool,
) -> int:
    """Grade every image below the roots into `out`; return the exit code.

    Reports are written at the end, and also when Ctrl-C ends the scan early.
    """
    settings = with_rules(settings, read_config(config))
    for root in roots:
        if not root.is_dir():
            raise SettingsError(f"{root} is not a folder; for single images use gdest analyze.")
        if out.resolve().is_relative_to(root.resolve()):
            raise SettingsError(f"The results cannot go into the scanned folder {root}; choose another --out.")
    files = image_files(roots)
    if not files:
        raise NothingGradedError(f"No image found below {', '.join(map(str, roots))}.")
    began = time.monotonic()
    predictor = NetworkPredictor(load_weights(weights), settings)
    tally = Tally(ModelName(predictor.name, predictor.sha256))
    stopped = False
    try:
        _grade_all(files, predictor, settings, tally, out if heatmaps else None)
    except KeyboardInterrupt:
        say(f"Stopped by Ctrl-C; {'the reports hold what was done' if tally.table else 'nothing was done yet'}.")
        stopped = True
    finally:
        seconds = time.monotonic() - began
        if tally.table:  # older reports are not replaced by empty ones
            _write_reports(tally, _summary(tally, roots, predictor, seconds), out)
    if stopped and not tally.table:
        return 130
    print_summary(tally, seconds, f"{out / 'results.csv'}, {out / 'results.xlsx'}")
    return 130 if stopped else tally.exit_code()


def _write_reports(tally: Tally, summary: Sequence[tuple[str, Cell]], out: Path) -> None:
    table = sorted(tally.table, key=lambda row: str(row["file"]))
    write_csv(table, out / "results.csv")
    write_workbook(table, summary, out / "results.xlsx")


def _grade_all(
    files: Sequence[ImageFile], predictor: NetworkPredictor, settings: GradeSettings, tally: Tally, out: Path | None
) -> None:
    """Grade the files; heatmaps are drawn in a thread beside the network."""
    with ThreadPoolExecutor(1) as pool, progress("grading", len(files)) as advance:
        drawing: list[Future[None]] = []
        for row in grade_micrographs(files, predictor, settings):
            tally.add(row)
            if out is not None and isinstance(row, Graded):
                path = out / heatmap_name(row.micrograph.file.name)
                drawing.append(pool.submit(write_heatmap, row, path))
            while len(drawing) > DRAW_AHEAD or (drawing and drawing[0].done()):
                drawing.pop(0).result()
            advance(1)
        for future in drawing:
            future.result()


def _summary(
    tally: Tally, roots: Sequence[Path], predictor: NetworkPredictor, seconds: float
) -> list[tuple[str, Cell]]:
    """Return the lines of the workbook's summary sheet."""
    grades = [row["g"] for row in tally.table if row["status"] == "graded" and isinstance(row["g"], float)]
    lines: list[tuple[str, Cell]] = [("scanned folders", "\n".join(str(root) for root in roots))]
    lines += [("micrographs", len(tally.table)), *((status, tally.counts[status]) for status in STATUSES)]
    if grades:
        lines += [("coarsest G", round(min(grades), 1)), ("median G", round(median(grades), 1))]
        lines += [("finest G", round(max(grades), 1))]
    lines += [
        ("time taken, s", round(seconds, 1)),
        ("micrographs per second", round(len(tally.table) / max(seconds, 1e-9), 2)),
    ]
    lines += [("model", predictor.name), ("model_sha256", predictor.sha256), ("gdest_version", __version__)]
    return [*lines, ("finished at (UTC)", now()), ("note", NOTE)]
