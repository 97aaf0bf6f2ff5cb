"""Scan an archive: grade what the ledger does not know yet, then write the reports."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gdest import __version__
from gdest.archive import image_files, remove_unfinished
from gdest.changes import Plan, Work, compare
from gdest.commands.exporting import begun_run, export
from gdest.commands.recording import Recorder
from gdest.commands.reporting import EXIT_REJECTED
from gdest.commands.weights import load_weights, weights_path
from gdest.config import read_config
from gdest.console import MOST_NAMED, exit_code, print_counts, progress, say
from gdest.errors import NothingGradedError, SettingsError
from gdest.heatmap import heatmap_name
from gdest.ledger import Ledger
from gdest.ledger_schema import Recipe
from gdest.network import LoadedModel
from gdest.output_lock import output_lock
from gdest.pipeline import Memory, grade_files, no_memory, now
from gdest.predict import NetworkPredictor
from gdest.reading.pixel_size import with_rules
from gdest.records import GradeMap, ImageFile, Micrograph
from gdest.reports.assign import Rules, read_rules
from gdest.reports.every import REPORTS, rejected
from gdest.reports.record import read_record
from gdest.reports.run import Run
from gdest.settings import GradeSettings, ScanSettings, answer_settings
from gdest.stopping import Stop, heard


def run_scan(
    roots: Sequence[Path],
    out: Path,
    settings: GradeSettings,
    weights: Path | None,
    config: Path | None = None,
    options: ScanSettings = ScanSettings(),
) -> int:
    """Grade the images below the roots into `out`, those that the ledger there does not know; return the exit code.

    Reports are written at the end, and also when Ctrl-C or SIGTERM ends the scan early.
    """
    sections = read_config(config)
    settings = with_rules(settings, sections)
    rules = read_rules(sections, config.parent if config else Path())
    _check_folders(roots, out)
    files = image_files(roots)
    if not files:
        raise NothingGradedError(f"No image found below {', '.join(map(str, roots))}.")
    with heard() as stop, output_lock(out), Ledger.open(out, create=True) as ledger:
        remove_unfinished(out)
        model = load_weights(weights)
        recipe = ledger.recipe(model.name, model.sha256, model.card, answer_settings(settings))
        run = begun_run(model, weights_path(weights), settings, roots, sections)
        number = ledger.begin_run(recipe, roots, socket.gethostname(), run.started, __version__)
        plan = _plan(files, ledger, recipe, out, options)
        say(f"{len(files)} files: {plan.sentence()}")
        began = time.monotonic()
        done = _grade(plan, ledger, recipe, model, settings, out, options, stop)
        run = replace(run, seconds=time.monotonic() - began, files_read=done)
        code = _finish(ledger, recipe, number, run, rules, out, stop)
        if options.fail_on_reject and not stop.asked and rejected(read_record(out)[0], rules):
            return EXIT_REJECTED
        return code


def _check_folders(roots: Sequence[Path], out: Path) -> None:
    for root in roots:
        if not root.is_dir():
            raise SettingsError(f"{root} is not a folder; for single images use gdest analyze.")
        if out.resolve().is_relative_to(root.resolve()):
            raise SettingsError(f"The results cannot go into the scanned folder {root}; choose another --out.")


def _plan(files: Sequence[ImageFile], ledger: Ledger, recipe: Recipe, out: Path, options: ScanSettings) -> Plan:
    undrawn = _without_heatmap(ledger, recipe, out) if options.heatmaps else set()
    present = {file.name for file in files}
    return compare(files, ledger.files(recipe.id), present, undrawn=undrawn, force=options.force)


def _without_heatmap(ledger: Ledger, recipe: Recipe, out: Path) -> set[str]:
    """Return the graded files of which a heatmap is missing."""
    drawn = {
        Path(folder, name).relative_to(out).as_posix()
        for folder, _, names in os.walk(out / "heatmaps")
        for name in names
    }
    return {file for micrograph, file in ledger.mapped(recipe.id) if heatmap_name(micrograph) not in drawn}


def _grade(
    plan: Plan,
    ledger: Ledger,
    recipe: Recipe,
    model: LoadedModel,
    settings: GradeSettings,
    out: Path,
    options: ScanSettings,
    stop: Stop,
) -> int:
    """Grade the work of a plan; return the number of files recorded, all of them unless the run was stopped."""
    if plan.gone:
        ledger.mark_gone(recipe.id, plan.gone, now())
    if not plan.work:
        return 0
    predictor = NetworkPredictor(model, settings)
    work_of = {work.file.name: work for work in plan.work}
    with (
        _memory(out, recipe, options) as recall,
        Recorder(ledger, recipe, out if options.heatmaps else None) as recorder,
        progress("grading", len(plan.work)) as advance,
    ):
        for file, rows in grade_files(_until(stop, plan.work), predictor, settings, recall):
            recorder.add(work_of[file.name], rows)
            advance(1)
    return recorder.recorded


def _until(stop: Stop, work: Sequence[Work]) -> Iterator[ImageFile]:
    """Yield the files until the run shall stop; those already in hand are finished."""
    for item in work:
        if stop.asked:
            return
        yield item.file


@contextmanager
def _memory(out: Path, recipe: Recipe, options: ScanSettings) -> Iterator[Memory]:
    """Give what finds the grade map of a micrograph whose very bytes were graded before."""
    if options.force:
        yield no_memory
        return
    with Ledger.open(out) as ledger:  # a connection of its own: many threads ask, while another writes
        one_at_a_time = threading.Lock()

        def recall(micrograph: Micrograph) -> GradeMap | None:
            with one_at_a_time:
                known = ledger.remembered(recipe.id, micrograph.sha256)
            return known.get(_page(micrograph.file))

        yield recall


def _page(file: ImageFile) -> str:
    """Return what a micrograph's name adds to its file's: nothing for the first one, `#2` for the second."""
    _, mark, number = file.name.rpartition("#")
    further = number.isdigit() and not file.path.name.endswith(mark + number)
    return mark + number if further else ""


def _finish(ledger: Ledger, recipe: Recipe, number: int, run: Run, rules: Rules, out: Path, stop: Stop) -> int:
    """Write the reports, say what came out, return the exit code."""
    done = run.files_read
    if stop.asked:
        say(f"Stopped by {stop.name}; {'the reports hold what was done' if done else 'nothing was done yet'}.")
        if not done:  # older reports are not replaced by empty ones
            return stop.exit_code
    written = export(ledger, recipe, run, rules, out)
    if not stop.asked:
        ledger.end_run(number, now())
    counts = ledger.counts(recipe.id)
    print_counts(counts, ledger.problems(recipe.id, MOST_NAMED))
    say(f"{done} files read in {run.seconds:.1f} s ({done / max(run.seconds, 1e-9):.1f}/s)")
    names = ", ".join(str(out / name) for name in REPORTS)
    say(f"Written: {names}" if written else f"Nothing new; {names} are up to date.")
    return stop.exit_code if stop.asked else exit_code(counts)
