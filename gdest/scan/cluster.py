"""Grade on a Ray cluster: one actor per GPU or group of CPU cores, each running the pipeline on chunks of files."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from gdest.core import ArchiveError, GdestError, GradeSettings, ImageFile, Row, SettingsError
from gdest.grading import Predictor, grade_files
from gdest.reading import prepare_decoders
from gdest.scan.stopping import handlers_kept

FILES_A_CHUNK = 16
"""Files handed to an actor at a time, which are graded again when its machine is lost."""

CORES_AN_ACTOR = 4
MOST_LOSSES = 3
"""How often a chunk may lose its actor before the chunk counts as the cause."""

SECONDS_TO_START = 600.0
NOT_COUNTED = ("RAY_USAGE_STATS_ENABLED", "0")
"""Ray tells its makers of its use unless this says otherwise; docs.ray.io, usage stats collection."""

Chunk = list[ImageFile]


class Grader:
    """Hold the network on one worker and grade chunks of files with it; Ray makes an actor of it."""

    def __init__(self, make_predictor: Callable[[], Predictor], settings: GradeSettings) -> None:
        prepare_decoders()
        self._predictor, self._settings = make_predictor(), settings

    def ready(self) -> None:
        """Return when the network is loaded."""

    def grade(self, files: Chunk) -> list[list[Row]]:
        """Return the rows of each file, in order."""
        return [rows for _, rows in grade_files(files, self._predictor, self._settings)]


class Cluster:
    """Feed the actors of a Ray cluster and gather their rows in one place.

    Every file must have the same path on every node. When an actor is lost, another one grades its chunk
    again, and a new actor takes its place where the cluster has room. Plain actors pull chunks of paths and read
    the files themselves, so that no stage can starve another; `tests/benchmarks/ray_engines.py` compares Ray Data.
    """

    def __init__(self, make_predictor: Callable[[], Predictor], settings: GradeSettings, address: str | None) -> None:
        self._ray = _ray()
        self._make, self._settings = make_predictor, settings
        self._owned = not self._ray.is_initialized()
        if self._owned:
            self._connect(address)
        self._losses: dict[str, int] = {}
        self._under_way: dict[Any, tuple[Any, Chunk]] = {}

    def _connect(self, address: str | None) -> None:
        os.environ.setdefault(*NOT_COUNTED)
        try:
            with handlers_kept():  # Ray takes the signals when it starts
                self._ray.init(address=address, log_to_driver=False, configure_logging=False, include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise SettingsError(f"No Ray cluster answers at {address or 'this machine'}: {error}") from error

    def close(self) -> None:
        """End the actors, and leave the cluster unless it was reached before this scan."""
        for actor, _ in self._under_way.values():
            self._ray.kill(actor)
        if self._owned:
            self._ray.shutdown()

    def grade(self, files: Iterable[ImageFile]) -> Iterator[tuple[ImageFile, list[Row]]]:
        """Yield each file with its rows as they come, in any order; raise `ArchiveError` when no worker is left."""
        remaining = iter(files)
        waiting = deque([first] if (first := list(islice(remaining, FILES_A_CHUNK))) else [])
        self._start_actors()
        while waiting or any(chunk for _, chunk in self._under_way.values()):
            done, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=SECONDS_TO_START)
            if not done and not any(chunk for _, chunk in self._under_way.values()):
                raise ArchiveError(f"No worker of the Ray cluster started within {SECONDS_TO_START:g} s.")
            for answer in done:
                actor, chunk = self._under_way.pop(answer)
                rows = self._answer(answer, chunk, waiting)
                if rows is None:
                    self._start_actor()  # it waits until there is room; the others go on
                    continue
                yield from zip(chunk, rows, strict=True)
                if waiting:
                    following = waiting.popleft()
                    self._under_way[actor.grade.remote(following)] = (actor, following)
                if not waiting and (further := list(islice(remaining, FILES_A_CHUNK))):
                    waiting.append(further)

    def _answer(self, answer: Any, chunk: Chunk, waiting: deque[Chunk]) -> list[list[Row]] | None:
        """Return the rows of each file of a chunk; None when its worker was lost, and the chunk waits again."""
        try:
            rows: list[list[Row]] = self._ray.get(answer) or []
        except self._ray.exceptions.RayTaskError as error:  # the pipeline's own, as on one machine
            raise error.cause if isinstance(error.cause, GdestError) else error from None
        except self._ray.exceptions.RayError as error:
            if chunk:
                waiting.appendleft(chunk)
            key = chunk[0].name if chunk else ""
            self._losses[key] = self._losses.get(key, 0) + 1
            if self._losses[key] > MOST_LOSSES:
                what = f"{key} or one of the {len(chunk) - 1} files after it" if chunk else "its start"
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
