"""Scan an archive: grade what the ledger does not know yet, then write the reports."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from gdest import __version__
from gdest.cli.console import print_counts
from gdest.core import (
    MOST_NAMED,
    ExitCode,
    GdestError,
    GradeSettings,
    ImageFile,
    NothingGradedError,
    Row,
    SettingsError,
    answer_settings,
    be_quiet,
    exit_code,
    image_files,
    now,
    progress,
    read_config,
    remove_unfinished,
    say,
    with_rules,
)
from gdest.grading import Predictor, grade_files
from gdest.model import ModelFile, read_model_file, weights_path
from gdest.reports import REPORTS, Run, read_record, read_rules, rejected
from gdest.scan.changes import Plan
from gdest.scan.exporting import begun_run, export, rules_of
from gdest.scan.journal import Journal
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Recipe
from gdest.scan.output_lock import output_lock
from gdest.scan.planning import Archive, make_plan, memory, print_plan
from gdest.scan.recording import Recorder
from gdest.scan.settings import ScanSettings
from gdest.scan.stopping import Stop, heard
from gdest.scan.watching import Settling


def run_scan(
    roots: Sequence[Path],
    out: Path,
    settings: GradeSettings,
    weights: Path | None,
    config: Path | None = None,
    options: ScanSettings = ScanSettings(),
) -> int:
    """Grade the images below the roots into `out`, those that the ledger there does not know; return the exit code.

    Reports are written at the end, and also when Ctrl-C or SIGTERM ends the scan early. With `watch`
    it goes on until one of these comes.
    """
    if options.quiet:
        be_quiet()
    journal = Journal(options.log_file)
    try:
        sections = read_config(config)
        settings = with_rules(settings, sections)
        read_rules(sections, config.parent if config else Path())
        _check_folders(roots, out)
        if options.shard:
            say(f"Shard {options.shard.index} of {options.shard.count}.")
            out = options.shard.folder(out)
        if options.dry_run:
            archive = _look(roots, must_hold=True)
            return print_plan(archive, read_model_file(weights_path(weights)), settings, out, options)
        with heard() as stop, output_lock(out), Ledger.open(out, create=True) as ledger:
            remove_unfinished(out)
            model = read_model_file(weights_path(weights))
            recipe = ledger.recipe(model.name, model.sha256, model.card, answer_settings(settings))
            begun = begun_run(model, settings, roots, sections, config)
            scan = Scan(roots, out, settings, begun, options, ledger, recipe, model, stop, journal)
            return scan.watch() if options.watch else scan.once(_look(roots, must_hold=True))
    except GdestError as error:
        journal.write("error", sentence=str(error), exit_code=error.exit_code)
        raise


def _check_folders(roots: Sequence[Path], out: Path) -> None:
    for root in roots:
        if not root.is_dir():
            raise SettingsError(f"{root} is not a folder; for single images use gdest analyze.")
        if out.resolve().is_relative_to(root.resolve()):
            raise SettingsError(f"The results cannot go into the scanned folder {root}; choose another --out.")


def _look(roots: Sequence[Path], *, must_hold: bool) -> Archive:
    """Return what the archive holds now; nothing to grade is an error unless files may still come."""
    unreadable: list[str] = []
    files = image_files(roots, unreadable)
    for folder in unreadable[:MOST_NAMED]:
        say(f"{folder}: this folder cannot be listed; what is below it is not looked at.")
    if not files and must_hold:
        raise NothingGradedError(f"No image found below {', '.join(map(str, roots))}.")
    return Archive(files, whole=bool(files) and not unreadable)


def load_predictor(weights: Path, settings: GradeSettings, files: int) -> Predictor:
    """Return the network ready to work on many files or few; imported here, since a scan of nothing new needs none."""
    from gdest.model import NetworkPredictor, leave_cores_to_openvino, load_model

    predictor = NetworkPredictor(load_model(weights), settings, files=files)
    if predictor.runs_openvino:
        leave_cores_to_openvino()
    return predictor


class Scan:
    """Hold what every step of one scan needs, and do it once or for ever."""

    def __init__(
        self,
        roots: Sequence[Path],
        out: Path,
        settings: GradeSettings,
        begun: Run,
        options: ScanSettings,
        ledger: Ledger,
        recipe: Recipe,
        model: ModelFile,
        stop: Stop,
        journal: Journal,
    ) -> None:
        self.roots, self.out, self.settings, self.told, self.options = roots, out, settings, begun, options
        self.ledger, self.recipe, self.model, self.stop, self.journal = ledger, recipe, model, stop, journal
        self._predictor: Predictor | None = None

    def once(self, archive: Archive) -> int:
        """Grade what is new, write the reports, return the exit code."""
        plan = make_plan(archive, self.ledger, self.recipe.id, self.out, self.options)
        say(f"{len(archive.files)} files: {plan.sentence()}")
        return self._do(plan)

    def watch(self) -> int:
        """Poll the archive and grade what has settled, until a signal comes; return its exit code."""
        settling = Settling(self.options.settle_s)
        say(f"Watching every {self.options.poll_s:g} s; Ctrl-C ends it.")
        while not self.stop.asked:
            archive = _look([root for root in self.roots if root.is_dir()], must_hold=False)
            archive = Archive(archive.files, archive.whole and all(root.is_dir() for root in self.roots))
            settled = Archive(archive.files, archive.whole, settling.settled(archive.files))
            plan = make_plan(settled, self.ledger, self.recipe.id, self.out, self.options)
            if plan.work or plan.gone:
                say(f"{now()}: {plan.sentence()}")
                self._do(plan)
            self.stop.wait(self.options.poll_s)
        say(f"Stopped by {self.stop.name}.")
        return self.stop.exit_code

    def _do(self, plan: Plan) -> int:
        run = self.ledger.begin_run(self.recipe, self.roots, socket.gethostname(), now(), __version__)
        self.journal.write("start", plan=plan.sentence(), out=self.out, model=self.recipe.model)
        self.told, began = replace(self.told, started=now()), time.monotonic()
        done = self._grade(plan)
        return self._finish(run, time.monotonic() - began, done)

    def _grade(self, plan: Plan) -> int:
        """Grade the work of a plan; return the number of files recorded, all of them unless the run was stopped."""
        if plan.gone:
            self.ledger.mark_gone(self.recipe.id, plan.gone, now())
        if not plan.work:
            return 0
        work_of = {work.file.name: work for work in plan.work}
        heatmaps_in = self.out if self.options.heatmaps else None
        with (
            Recorder(self.ledger, self.recipe, heatmaps_in, self.journal) as recorder,
            progress("grading", len(plan.work)) as advance,
        ):
            graded = self._on_ray(plan) if self.options.engine == "ray" else self._here(plan)
            for file, rows in graded:
                recorder.add(work_of[file.name], rows)
                advance(1)
        return recorder.recorded

    def _here(self, plan: Plan) -> Iterator[tuple[ImageFile, list[Row]]]:
        if self._predictor is None:
            self._predictor = load_predictor(self.model.path, self.settings, len(plan.work))
        with memory(self.out, self.recipe, self.options) as recall:
            yield from grade_files(self._until_stopped(plan), self._predictor, self.settings, recall)

    def _on_ray(self, plan: Plan) -> Iterator[tuple[ImageFile, list[Row]]]:
        from gdest.scan.cluster import Cluster

        moved = replace(plan, work=tuple(work for work in plan.work if work.why == "moved"))
        if moved.work:  # only here is the ledger that knows their grade maps
            yield from self._here(moved)
        others = replace(plan, work=tuple(work for work in plan.work if work.why != "moved"))
        make = partial(load_predictor, self.model.path.absolute(), self.settings, len(others.work))
        cluster = Cluster(make, self.settings, self.options.address)
        try:
            yield from cluster.grade(self._until_stopped(others))
        finally:
            cluster.close()

    def _until_stopped(self, plan: Plan) -> Iterator[ImageFile]:
        """Yield the files until the run shall stop; those already in hand are finished."""
        for work in plan.work:
            if self.stop.asked:
                return
            yield ImageFile(work.file.path.absolute(), work.file.name)

    def _finish(self, run: int, seconds: float, done: int) -> int:
        """Write the reports, say what came out, return the exit code."""
        stopped = self.stop.asked
        if stopped:
            what = "the reports hold what was done" if done else "nothing was done yet"
            say(f"Stopped by {self.stop.name}; {what}.")
            if not done:  # older reports are not replaced by empty ones
                return self._end(self.stop.exit_code, done, seconds)
        told, rules = replace(self.told, seconds=seconds, files_read=done), rules_of(self.told)
        written = export(self.ledger, self.recipe, told, rules, self.out)
        if not stopped:
            self.ledger.end_run(run, now())
        counts = self.ledger.counts(self.recipe.id)
        print_counts(counts, self.ledger.problems(self.recipe.id, MOST_NAMED))
        rate = f" ({done / max(seconds, 1e-9):.1f}/s)" if done > 1 else ""
        say(f"{done} {'file' if done == 1 else 'files'} read in {seconds:.1f} s{rate}")
        names = ", ".join(str(self.out / name) for name in REPORTS)
        say(f"Written: {names}" if written else f"Nothing new; {names} are up to date.")
        code = self.stop.exit_code if stopped else exit_code(counts)
        if self.options.fail_on_reject and not stopped and rejected(read_record(self.out)[0], rules):
            code = ExitCode.REJECTED
        return self._end(code, done, seconds)

    def _end(self, code: int, done: int, seconds: float) -> int:
        self.journal.write("end", exit_code=code, files=done, seconds=round(seconds, 1))
        return code
