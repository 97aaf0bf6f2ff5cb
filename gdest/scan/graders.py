"""Grade the files of a scan with what its job asks for: threads here, worker processes, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from functools import partial

from gdest.core import ImageFile
from gdest.grading import Predictor, no_memory
from gdest.reports import ModelName
from gdest.scan.feeding import Feed
from gdest.scan.finishing import Finished, Finisher
from gdest.scan.job import Job
from gdest.scan.loading import load_predictor
from gdest.scan.planning import Why, Work
from gdest.scan.processes import Processes, under_way, worker_count
from gdest.scan.recalling import memory
from gdest.scan.stopping import Stop
from gdest.scan.worker import Duty

OF_THE_SAME_BYTES = (Why.MOVED, Why.RELOCATED)
"""Of such work the ledger has probably the grade maps."""


def load_weights_of(job: Job) -> Predictor:
    """Return the network of a job; raise `WeightsError` where it cannot be used."""
    return load_predictor(job.model.path, job.settings, job.engine)


class Graders:
    """Grade work after work for the scans of one job; the network is loaded once.

    It owns the worker processes, if there are any; without a watch they end with the work. `recipe` is the ledger's
    number of how the job grades. Files are taken until `stop` is asked for.
    """

    def __init__(self, job: Job, recipe: int, stop: Stop) -> None:
        self.job, self.recipe, self.stop = job, recipe, stop
        names = ModelName(job.model.name, job.model.sha256)
        self.finisher = Finisher(job.out.absolute(), names, draws=job.options.heatmaps)
        self._predictor: Predictor | None = None
        self._feed: Feed | None = None

    def close(self) -> None:
        """End the workers."""
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def graded(self, work: tuple[Work, ...]) -> Generator[Finished, None, None]:
        """Yield each file as it is finished, not all of them when the scan was stopped."""
        if self.job.options.engine == "ray":
            return self._on_ray(work)
        workers = worker_count(self.job.options.workers, self.job.engine, len(work))
        return self._in_threads(work) if workers == 1 else self._in_processes(work, workers)

    @property
    def _recalls(self) -> bool:
        """Return whether grade maps are recalled; a ledger keeps no boundaries, on which grains are counted."""
        return not (self.job.options.force or self.job.settings.count)

    def _in_threads(self, work: tuple[Work, ...]) -> Generator[Finished, None, None]:
        if self._predictor is None:
            self._predictor = load_weights_of(self.job)
        with memory(self.job.out, self.recipe) if self._recalls else nullcontext(no_memory) as recall:
            yield from self.finisher.finished(self._until_stopped(work), self._predictor, self.job.settings, recall)

    def _in_processes(self, work: tuple[Work, ...], workers: int) -> Generator[Finished, None, None]:
        job = self.job
        if self._feed is None:
            make = partial(load_predictor, job.model.path.absolute(), job.settings, job.engine, workers)
            recipe = self.recipe if self._recalls else None
            duty = Duty(make, job.settings, self.finisher, recipe, under_way(workers))
            self._feed = Feed(Processes(duty), self.finisher, self.stop, workers)
        try:
            yield from self._feed.finished(self._until_stopped(work), len(work))
        finally:
            if not job.options.watch:
                self.close()

    def _on_ray(self, work: tuple[Work, ...]) -> Generator[Finished, None, None]:
        from gdest.scan.cluster import Cluster

        job = self.job
        here = OF_THE_SAME_BYTES if self._recalls else ()  # only this machine has their grade maps
        if moved := tuple(one for one in work if one.why in here):
            yield from self._in_threads(moved)
        others = tuple(one for one in work if one.why not in here)
        make = partial(load_predictor, job.model.path.absolute(), job.settings, job.engine)
        cluster = Cluster(make, job.settings, self.finisher, job.options.address)
        with closing(Feed(cluster, self.finisher, self.stop, cluster.size)) as feed:
            yield from feed.finished(self._until_stopped(others), len(others))

    def _until_stopped(self, work: tuple[Work, ...]) -> Iterator[ImageFile]:
        """Yield the files until the scan shall stop; those already in hand are finished."""
        for one in work:
            if self.stop.asked:
                return
            yield ImageFile(one.file.path.absolute(), one.file.name)
