"""Scan an archive: grade what the ledger does not know yet, then write the reports."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from gdest.core import (
    GdestError,
    ImageFile,
    LeftOut,
    __version__,
    how_many,
    now,
    progress,
    remove_unfinished,
    say,
)
from gdest.reports import Cell, Record
from gdest.scan.archive import Archive, Settling, look, look_for_images, say_left_out
from gdest.scan.database import DamagedLedgerError
from gdest.scan.exporting import export
from gdest.scan.graders import Graders
from gdest.scan.job import Job
from gdest.scan.journal import Journal
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_damage import with_sound_ledger
from gdest.scan.locking import output_lock
from gdest.scan.outcome import ScanOutcome
from gdest.scan.planning import Plan, make_plan, require_same_archive
from gdest.scan.recording import Recorder
from gdest.scan.stopping import Stop, called
from gdest.scan.unused_rules import say_what_fits_nothing


def scan_archive(job: Job, stop: Stop) -> ScanOutcome:
    """Grade the images that the ledger does not know, write the reports, return what came out.

    Reports are written also when the scan was stopped or ended by an error, unless it had read nothing yet. Raises
    `NothingGradedError` for an archive without images or of which none is taken, `OutputError` when results cannot be
    written, another scan writes there, or the results there are of another archive.
    """

    def once() -> ScanOutcome:
        with _opened(job, stop) as scan:
            archive = look_for_images(job.roots, job.seen)
            say_what_fits_nothing(job, archive.files)
            plan = scan.plan(archive, archive.files)
            plan.require_any()
            say(f"{how_many(len(archive.files), 'file')}: {plan.sentence()}")
            return scan.carry_out(plan)

    with output_lock(job.out):
        return with_sound_ledger(job.out, once)


def watch_archive(job: Job, stop: Stop, tell: Callable[[ScanOutcome], object]) -> None:
    """Poll the archive and grade what has settled, until a signal comes; `tell` hears of each scan that had work."""
    settling, told = Settling(job.options.settle_s), set[LeftOut]()

    def watch() -> None:
        with _opened(job, stop) as scan:
            say(f"Watching every {job.options.poll_s:g} s; Ctrl-C ends it.")
            while not stop.asked:
                archive = look(job.roots)
                say_left_out([folder for folder in archive.left_out if folder not in told])
                told.update(archive.left_out)
                plan = scan.plan(archive, settling.settled(archive.files))
                if plan.work or plan.gone:
                    say(f"{now()}: {plan.sentence()}")
                    tell(scan.carry_out(plan))
                stop.wait(job.options.poll_s)

    with output_lock(job.out):
        with_sound_ledger(job.out, watch)


@contextmanager
def _opened(job: Job, stop: Stop) -> Iterator[Scan]:
    """Open the ledger of the output folder while a scan lasts; remove what killed scans left half-written."""
    with Ledger.open(job.out, create=True) as ledger:
        require_same_archive(ledger, job.roots, moved=job.options.moved)
        remove_unfinished(job.out)
        with closing(Scan(job, ledger, stop)) as scan:
            yield scan


class Scan:
    """Carry out plans: one, or one after the other while folders are watched."""

    def __init__(self, job: Job, ledger: Ledger, stop: Stop) -> None:
        self.job, self.ledger, self.stop = job, ledger, stop
        model = job.model
        self.recipe = ledger.recipe(model.name, model.sha256, model.card, job.answer_settings)
        self.journal = Journal(job.options.log_file, aloud=job.options.watch)
        self._graders = Graders(job, self.recipe.id, stop)

    def close(self) -> None:
        """End the workers."""
        self._graders.close()

    def plan(self, archive: Archive, ready: Sequence[ImageFile]) -> Plan:
        """Return what is left to do of the files of the archive that are ready to be read."""
        return make_plan(self.job, archive, ready, self.ledger, self.recipe.id)

    def carry_out(self, plan: Plan) -> ScanOutcome:
        """Grade the work of a plan, write the reports, return what came out.

        An error that ends the grading is raised after what was done has been recorded and reported.
        """
        job, recorded = self.job, set[str]()
        run = self.ledger.begin_run(self.recipe, job.roots, socket.gethostname(), now(), __version__)
        self.journal.write("start", plan=plan.sentence(), out=job.out, model=self.recipe.model)
        started, began = now(), time.monotonic()
        try:
            self._grade(plan, recorded)
        except DamagedLedgerError:  # nothing that it holds may be reported
            raise
        except Exception as error:
            if recorded:
                self._report_after_error(self._record(plan, recorded, started, began, _in_words(error)))
            raise
        seconds, signal = time.monotonic() - began, self.stop.signal
        if signal and not recorded:  # older reports are not replaced by empty ones
            return ScanOutcome(None, 0, seconds, signal)
        if signal:
            say("Stopping; the reports of what was done are being written.")
        record = self._record(plan, recorded, started, began, f"stopped by {called(signal)}" if signal else "")
        results = export(self.ledger, self.recipe, record, job.out)
        if len(recorded) < len(plan.work):
            return ScanOutcome(results, len(recorded), seconds, signal)
        self.ledger.end_run(run, now())
        said = results.acceptance if job.options.fail_on_reject else None
        return ScanOutcome(results, len(recorded), seconds, signal, rejected=said.failures if said else 0)

    def _record(self, plan: Plan, recorded: Collection[str], started: str, began: float, ended: str) -> Record:
        """Return what the reports tell of a scan beside their rows, and which files wait for another."""
        left = [work.file.name for work in plan.work if work.file.name not in recorded]
        waiting: list[dict[str, Cell]] = [{"file": name} for name in left]
        waiting += [{"file": name, "why": why} for name, why in plan.later.items()]
        return replace(
            self.job.record,
            started=started,
            seconds=time.monotonic() - began,
            files_read=len(recorded),
            waiting=waiting,
            unlisted=plan.unlisted,
            ended=ended if left else "",
            deleted=plan.deleted,
        )

    def _report_after_error(self, record: Record) -> None:
        """Write the reports of what was done before an error, which stays the one to tell when they fail too."""
        say("The scan was ended by an error; the reports of what was done are being written.")
        try:
            export(self.ledger, self.recipe, record, self.job.out)
        except GdestError as second:
            say(f"The reports could not be written: {second}")

    def _grade(self, plan: Plan, recorded: set[str]) -> None:
        """Grade and record the work of a plan; add each file recorded, not all of them when the scan was stopped."""
        if plan.gone:
            self.ledger.mark_gone(self.recipe.id, plan.gone, now())
        if not plan.work:
            return
        work_of = {work.file.name: work for work in plan.work}
        recorder = Recorder(self.ledger, self.recipe, self._graders.finisher, self.journal, recorded)
        finished = self._graders.graded(plan.work)
        with (
            recorder,
            progress("grading", len(plan.work)) as advance,
            closing(finished),  # ends the threads of the network, also when the recorder fails
        ):
            for one in finished:
                recorder.add(work_of[one.file.name], one)
                advance(1)


def _in_words(error: Exception) -> str:
    """Return what ended a scan as its reports say it."""
    return f"ended by an error ({str(error).rstrip('.')})" if isinstance(error, GdestError) else "ended by a bug"
