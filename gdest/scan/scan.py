"""Scan an archive: grade what the ledger does not know yet, then write the reports."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from gdest.core import (
    GradeSettings,
    ImageFile,
    Row,
    __version__,
    now,
    progress,
    remove_unfinished,
    say,
)
from gdest.grading import Predictor, grade_files, no_memory
from gdest.model import EngineChoice
from gdest.reports import read_record, rejected
from gdest.scan.archive import Archive, Settling, look, look_for_images
from gdest.scan.exporting import export, rules_of
from gdest.scan.job import Job
from gdest.scan.journal import Journal
from gdest.scan.ledger import Ledger
from gdest.scan.outcome import ScanOutcome
from gdest.scan.output_lock import output_lock
from gdest.scan.planning import Plan, Why, Work, make_plan
from gdest.scan.recalling import memory
from gdest.scan.recording import Recorder
from gdest.scan.stopping import Stop

FilesWithRows = Generator[tuple[ImageFile, list[Row]], None, None]


def scan_archive(job: Job, stop: Stop) -> ScanOutcome:
    """Grade the images that the ledger does not know, write the reports, return what came out.

    Reports are written also when the scan was stopped, unless it had read nothing yet. Raises `NothingGradedError` for
    an archive without images, `OutputError` when results cannot be written or another scan writes there.
    """
    with _opened(job, stop) as scan:
        archive = look_for_images(job.roots)
        plan = scan.plan(archive, archive.files)
        say(f"{len(archive.files)} files: {plan.sentence()}")
        return scan.carry_out(plan)


def watch_archive(job: Job, stop: Stop, tell: Callable[[ScanOutcome], object]) -> None:
    """Poll the archive and grade what has settled, until a signal comes; `tell` hears of each scan that had work."""
    settling = Settling(job.options.settle_s)
    with _opened(job, stop) as scan:
        say(f"Watching every {job.options.poll_s:g} s; Ctrl-C ends it.")
        while not stop.asked:
            archive = look(job.roots)
            plan = scan.plan(archive, settling.settled(archive.files))
            if plan.work or plan.gone:
                say(f"{now()}: {plan.sentence()}")
                tell(scan.carry_out(plan))
            stop.wait(job.options.poll_s)


@contextmanager
def _opened(job: Job, stop: Stop) -> Iterator[Scan]:
    """Lock the output folder and open its ledger while a scan lasts; remove what killed scans left half-written."""
    with output_lock(job.out), Ledger.open(job.out, create=True) as ledger:
        remove_unfinished(job.out)
        yield Scan(job, ledger, stop)


def load_predictor(weights: Path, settings: GradeSettings, engine: EngineChoice) -> Predictor:
    """Return the network on the engine of the recipe; imported here, since a scan of nothing new needs none."""
    from gdest.model import NetworkPredictor, leave_cores_to_openvino, load_model

    predictor = NetworkPredictor(load_model(weights), settings, engine=engine)
    if predictor.runs_openvino:
        leave_cores_to_openvino()
    return predictor


class Scan:
    """Carry out plans: one, or one after the other while folders are watched; the network is loaded once."""

    def __init__(self, job: Job, ledger: Ledger, stop: Stop) -> None:
        self.job, self.ledger, self.stop = job, ledger, stop
        model = job.model
        self.recipe = ledger.recipe(model.name, model.sha256, model.card, job.answer_settings)
        self.journal = Journal(job.options.log_file)
        self._predictor: Predictor | None = None

    def plan(self, archive: Archive, ready: Sequence[ImageFile]) -> Plan:
        """Return what is left to do of the files of the archive that are ready to be read."""
        return make_plan(self.job, archive, ready, self.ledger, self.recipe.id)

    def carry_out(self, plan: Plan) -> ScanOutcome:
        """Grade the work of a plan, write the reports, return what came out."""
        job = self.job
        run = self.ledger.begin_run(self.recipe, job.roots, socket.gethostname(), now(), __version__)
        self.journal.write("start", plan=plan.sentence(), out=job.out, model=self.recipe.model)
        started, began = now(), time.monotonic()
        files_read = self._grade(plan)
        seconds, signal = time.monotonic() - began, self.stop.signal
        if signal and not files_read:  # older reports are not replaced by empty ones
            return ScanOutcome(None, 0, seconds, signal)
        record = replace(job.record, started=started, seconds=seconds, files_read=files_read)
        if signal:
            say("Stopping; the reports of what was done are being written.")
        rules = rules_of(record)
        results = export(self.ledger, self.recipe, record, rules, job.out)
        if signal:
            return ScanOutcome(results, files_read, seconds, signal)
        self.ledger.end_run(run, now())
        failing = rejected(read_record(job.out)[0], rules) if job.options.fail_on_reject else 0
        return ScanOutcome(results, files_read, seconds, rejected=failing)

    def _grade(self, plan: Plan) -> int:
        """Grade and record the work of a plan; return the number of files recorded, fewer when the scan was stopped."""
        if plan.gone:
            self.ledger.mark_gone(self.recipe.id, plan.gone, now())
        if not plan.work:
            return 0
        work_of = {work.file.name: work for work in plan.work}
        pictures_in = self.job.out if self.job.options.heatmaps else None
        graded = self._on_ray(plan.work) if self.job.options.engine == "ray" else self._here(plan.work)
        with (
            Recorder(self.ledger, self.recipe, pictures_in, self.journal) as recorder,
            progress("grading", len(plan.work)) as advance,
            closing(graded),  # ends the threads of the network, also when the recorder fails
        ):
            for file, rows in graded:
                recorder.add(work_of[file.name], rows)
                advance(1)
        return recorder.recorded

    def _here(self, work: tuple[Work, ...]) -> FilesWithRows:
        if self._predictor is None:
            self._predictor = load_predictor(self.job.model.path, self.job.settings, self.job.engine)
        # a ledger keeps grade maps but no boundaries, on which grains are counted
        anew = self.job.options.force or self.job.settings.count
        with nullcontext(no_memory) if anew else memory(self.job.out, self.recipe.id) as recall:
            yield from grade_files(self._until_stopped(work), self._predictor, self.job.settings, recall)

    def _on_ray(self, work: tuple[Work, ...]) -> FilesWithRows:
        from gdest.scan.cluster import Cluster

        job = self.job
        if moved := tuple(one for one in work if one.why is Why.MOVED):  # only this machine has their grade maps
            yield from self._here(moved)
        others = tuple(one for one in work if one.why is not Why.MOVED)
        make = partial(load_predictor, job.model.path.absolute(), job.settings, job.engine)
        with closing(Cluster(make, job.settings, job.options.address)) as cluster:
            yield from cluster.grade(self._until_stopped(others))

    def _until_stopped(self, work: tuple[Work, ...]) -> Iterator[ImageFile]:
        """Yield the files until the scan shall stop; those already in hand are finished."""
        for one in work:
            if self.stop.asked:
                return
            yield ImageFile(one.file.path.absolute(), one.file.name)
