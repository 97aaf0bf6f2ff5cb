"""Grade on a Ray cluster: one actor per GPU or group of CPU cores, each running the pipeline on batches of files."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from gdest.core import ArchiveError, GdestError, GradeSettings, ImageFile, Row, SettingsError
from gdest.grading import Predictor, grade_files
from gdest.reading import prepare_decoders

FILES_A_BATCH = 16
"""Files handed to an actor at a time: what is graded again when its machine goes."""

CORES_AN_ACTOR = 4
MOST_LOSSES = 3
"""How often a batch may lose its actor before the batch counts as the cause."""

SECONDS_TO_START = 600.0
Batch = list[ImageFile]


class Grader:
    """Hold the network on one worker and grade batches of files with it; Ray makes an actor of it."""

    def __init__(self, make_predictor: Callable[[], Predictor], settings: GradeSettings) -> None:
        prepare_decoders()
        self._predictor, self._settings = make_predictor(), settings

    def ready(self) -> None:
        """Return when the network is loaded."""

    def grade(self, files: Batch) -> list[list[Row]]:
        """Return the rows of each file, in order."""
        return [rows for _, rows in grade_files(files, self._predictor, self._settings)]


class Cluster:
    """Feed the actors of a Ray cluster and gather their rows in one place.

    Every file must have the same path on every node. An actor that is lost costs its batch, which
    another one does again; a new actor takes its place where the cluster has room. Plain actors pull
    batches of paths: nothing is read on the way, so that no stage can starve another.
    """

    def __init__(self, make_predictor: Callable[[], Predictor], settings: GradeSettings, address: str | None) -> None:
        self._ray = _ray()
        self._make, self._settings = make_predictor, settings
        self._owned = not self._ray.is_initialized()
        heard = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        if self._owned:
            try:
                self._ray.init(address=address, log_to_driver=False, configure_logging=False, include_dashboard=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise SettingsError(f"No Ray cluster answers at {address or 'this machine'}: {error}") from error
        _hear_again(heard)
        self._losses: dict[str, int] = {}
        self._under_way: dict[Any, tuple[Any, Batch]] = {}

    def close(self) -> None:
        """Let go of the actors, and of the cluster where it was reached for this scan."""
        for actor, _ in self._under_way.values():
            self._ray.kill(actor)
        if self._owned:
            self._ray.shutdown()

    def grade(self, files: Iterable[ImageFile]) -> Iterator[tuple[ImageFile, list[Row]]]:
        """Yield each file with its rows as they come, in no order; raise `ArchiveError` when no worker is left."""
        remaining = iter(files)
        waiting = deque([first] if (first := list(islice(remaining, FILES_A_BATCH))) else [])
        self._start_actors()
        while waiting or any(batch for _, batch in self._under_way.values()):
            done, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=SECONDS_TO_START)
            if not done and not any(batch for _, batch in self._under_way.values()):
                raise ArchiveError(f"No worker of the Ray cluster started within {SECONDS_TO_START:g} s.")
            for answer in done:
                actor, batch = self._under_way.pop(answer)
                rows = self._answer(answer, batch, waiting)
                if rows is None:
                    self._start_actor()  # it waits until there is room; the others go on
                    continue
                yield from zip(batch, rows, strict=True)
                if waiting:
                    following = waiting.popleft()
                    self._under_way[actor.grade.remote(following)] = (actor, following)
                if not waiting and (further := list(islice(remaining, FILES_A_BATCH))):
                    waiting.append(further)

    def _answer(self, answer: Any, batch: Batch, waiting: deque[Batch]) -> list[list[Row]] | None:
        """Return the rows of a batch; None when its worker was lost, and the batch waits again."""
        try:
            rows: list[list[Row]] = self._ray.get(answer) or []
        except self._ray.exceptions.RayTaskError as error:  # the pipeline's own, as on one machine
            raise error.cause if isinstance(error.cause, GdestError) else error from None
        except self._ray.exceptions.RayError as error:
            if batch:
                waiting.appendleft(batch)
            key = batch[0].name if batch else ""
            self._losses[key] = self._losses.get(key, 0) + 1
            if self._losses[key] > MOST_LOSSES:
                what = f"{key} or one of the {len(batch) - 1} files after it" if batch else "its start"
                raise ArchiveError(f"Workers of the Ray cluster end again and again at {what}: {error}") from error
            return None
        return rows

    def _start_actors(self) -> None:
        """Start one actor per GPU of the cluster, or per group of cores where there is none."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        gpus = int(sum(node.get("GPU", 0) for node in nodes))
        self._cores = 1 if gpus else max(1, min(CORES_AN_ACTOR, *(int(node.get("CPU", 1)) for node in nodes)))
        self._gpus = 1 if gpus else 0
        for _ in range(gpus or sum(int(node.get("CPU", 0)) // self._cores for node in nodes) or 1):
            self._start_actor()

    def _start_actor(self) -> Any:
        options = {"num_cpus": self._cores, "num_gpus": self._gpus, "max_restarts": 0}
        actor = self._ray.remote(Grader).options(**options).remote(self._make, self._settings)
        self._under_way[actor.ready.remote()] = (actor, [])
        return actor


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise SettingsError("--engine ray needs Ray: pip install 'gdest[ray]' on every machine.") from error
    return ray


def _hear_again(heard: dict[signal.Signals, Any]) -> None:
    """Take back the signals that Ray took when it started."""
    try:
        for number, handler in heard.items():
            signal.signal(number, handler)
    except ValueError:
        return  # not the main thread, which alone hears signals
