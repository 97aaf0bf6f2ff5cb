"""Scan an archive: grade every image below the roots, then write the reports."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gdest.archive import image_files
from gdest.commands.reporting import EXIT_REJECTED
from gdest.commands.weights import load_weights, weights_path
from gdest.config import read_config
from gdest.console import Tally, print_summary, progress, say
from gdest.errors import NothingGradedError, SettingsError
from gdest.pipeline import grade_micrographs, now
from gdest.predict import NetworkPredictor
from gdest.records import Graded, ImageFile
from gdest.reports.assign import read_rules
from gdest.reports.every import rejected, write_reports
from gdest.reports.pictures import write_pictures
from gdest.reports.run import Run, library_versions, this_host
from gdest.reports.table import ModelName
from gdest.settings import GradeSettings

DRAW_AHEAD = 8


def run_scan(
    roots: Sequence[Path],
    out: Path,
    settings: GradeSettings,
    weights: Path | None,
    config: Path | None = None,
    *,
    heatmaps: bool,
    fail_on_reject: bool = False,
) -> int:
    """Grade every image below the roots into `out`; return the exit code.

    Reports are written at the end, and also when Ctrl-C ends the scan early.
    """
    sections = read_config(config)
    rules = read_rules(sections, config.parent if config else Path())
    for root in roots:
        if not root.is_dir():
            raise SettingsError(f"{root} is not a folder; for single images use gdest analyze.")
        if out.resolve().is_relative_to(root.resolve()):
            raise SettingsError(f"The results cannot go into the scanned folder {root}; choose another --out.")
    files = image_files(roots)
    if not files:
        raise NothingGradedError(f"No image found below {', '.join(map(str, roots))}.")
    began, started = time.monotonic(), now()
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
            run = _run(tally, predictor, settings, roots, weights_path(weights), sections, started, seconds)
            run = write_reports(run, rules, out)
    if stopped and not tally.table:
        return 130
    print_summary(tally, seconds, f"{out / 'results.csv'}, {out / 'results.xlsx'}")
    if stopped:
        return 130
    return EXIT_REJECTED if fail_on_reject and rejected(run, rules) else tally.exit_code()


def _run(
    tally: Tally,
    predictor: NetworkPredictor,
    settings: GradeSettings,
    roots: Sequence[Path],
    weights: Path,
    sections: Mapping[str, Any],
    started: str,
    seconds: float,
) -> Run:
    return Run(
        table=sorted(tally.table, key=lambda row: str(row["file"])),
        roots=tuple(str(root.resolve()) for root in roots),
        model=predictor.name,
        model_sha256=predictor.sha256,
        weights=str(weights.resolve()),
        card=asdict(predictor.card),
        settings=asdict(settings),
        sections=sections,
        versions=library_versions(),
        host=this_host(),
        started=started,
        finished=now(),
        seconds=seconds,
    )


def _grade_all(
    files: Sequence[ImageFile], predictor: NetworkPredictor, settings: GradeSettings, tally: Tally, out: Path | None
) -> None:
    """Grade the files; heatmaps are drawn in a thread beside the network."""
    with ThreadPoolExecutor(1) as pool, progress("grading", len(files)) as advance:
        drawing: list[Future[None]] = []
        for row in grade_micrographs(files, predictor, settings):
            tally.add(row)
            if out is not None and isinstance(row, Graded):
                drawing.append(pool.submit(write_pictures, row, out))
            while len(drawing) > DRAW_AHEAD or (drawing and drawing[0].done()):
                drawing.pop(0).result()
            advance(1)
        for future in drawing:
            future.result()
