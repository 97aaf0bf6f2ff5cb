"""Grade on a Ray cluster: one actor per GPU or group of CPU cores, each running the pipeline on chunks of files."""

from __future__ import annotations

import math
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from gdest.core import (
    UNFINISHED,
    ArchiveError,
    GdestError,
    GradeSettings,
    ImageFile,
    OutputError,
    SettingsError,
    as_output_error,
)
from gdest.grading import Predictor
from gdest.reading import prepare_decoders
from gdest.scan.feeding import Lost, Ready, Told
from gdest.scan.finishing import Finished, Finisher
from gdest.scan.stopping import handlers_kept

FILES_A_CHUNK = 16
"""Files handed to an actor at a time, which are graded again when its machine is lost."""

CORES_AN_ACTOR = 4
SECONDS_TO_START = 600.0
SECONDS_BETWEEN_LOOKS = 1.0
NOT_COUNTED = ("RAY_USAGE_STATS_ENABLED", "0")
"""Ray tells its makers of its use unless this says otherwise; docs.ray.io, usage stats collection."""


class Grader:
    """Hold the network on one worker, grade chunks of files with it and draw them; Ray makes an actor of it.

    `mark` is a file that the scan has made in the output folder, to be seen from every machine that draws there.
    """

    def __init__(
        self, make_predictor: Callable[[], Predictor], settings: GradeSettings, finisher: Finisher, mark: Path
    ) -> None:
        self._make, self._settings, self._finisher, self._mark = make_predictor, settings, finisher, mark

    def ready(self) -> None:
        """Load the network, and return then; raise `OutputError` where the output folder is another one."""
        if self._finisher.draws and not self._mark.exists():
            raise OutputError(
                f"{self._mark.parent} is not one folder for all machines of the Ray cluster; give an --out on a disk "
                "that they share by the same path, or --no-heatmaps."
            )
        prepare_decoders()
        self._predictor = self._make()

    def grade(self, files: Sequence[ImageFile]) -> list[Finished]:
        """Return what is found in each file, in order."""
        return list(self._finisher.finished(files, self._predictor, self._settings))


class Cluster:
    """Own the actors of a scan on a Ray cluster, a `Crew`.

    Archive and output must have the same path on every node. Plain actors pull chunks of paths and read the files
    themselves, so that no stage can starve another; `tests/benchmarks/ray_engines.py` compares Ray Data.
    """

    def __init__(
        self,
        make_predictor: Callable[[], Predictor],
        settings: GradeSettings,
        finisher: Finisher,
        address: str | None,
    ) -> None:
        self._ray = _ray()
        self._owned = not self._ray.is_initialized()
        if self._owned:
            self._connect(address)
        self._mark = _made_mark(finisher.out)
        self._grader = (make_predictor, settings, finisher, self._mark)
        self._numbers, self._actors = count(), dict[int, Any]()
        self._answers: dict[Any, int] = {}
        self._ends_at = time.monotonic() + SECONDS_TO_START  # unless an actor is ready by then

    def _connect(self, address: str | None) -> None:
        os.environ.setdefault(*NOT_COUNTED)
        try:
            with handlers_kept():  # Ray takes the signals when it starts
                self._ray.init(address=address, log_to_driver=False, configure_logging=False, include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise SettingsError(f"No Ray cluster answers at {address or 'this machine'}: {error}") from error

    @property
    def size(self) -> int:
        """Return how many actors there is room for: one per GPU, or per group of cores where there is none."""
        nodes = self._nodes()
        if gpus := _gpus(nodes):
            return gpus
        return sum(int(node.get("CPU", 0)) // _cores(nodes) for node in nodes) or 1

    def start(self) -> int:
        """Start an actor; it waits until there is room, and the others go on."""
        number, nodes = next(self._numbers), self._nodes()
        gpus = _gpus(nodes)
        options = {"num_cpus": 1 if gpus else _cores(nodes), "num_gpus": 1 if gpus else 0, "max_restarts": 0}
        self._actors[number] = self._ray.remote(Grader).options(**options).remote(*self._grader)
        self._answers[self._actors[number].ready.remote()] = number
        return number

    def takes(self, held: int) -> int:
        """Return how many more files an actor takes that holds so many: a chunk when it has none."""
        return 0 if held else FILES_A_CHUNK

    def give(self, worker: int, files: Sequence[ImageFile]) -> None:
        """Hand a chunk of files to an actor."""
        self._answers[self._actors[worker].grade.remote(list(files))] = worker

    def hear(self) -> Iterator[tuple[int, Told]]:
        """Wait for about a second at most; yield what actors tell. Raise the error that ended one."""
        if not self._answers:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            return
        done, _ = self._ray.wait(list(self._answers), num_returns=1, timeout=SECONDS_BETWEEN_LOOKS)
        if time.monotonic() > self._ends_at:
            raise ArchiveError(f"No worker of the Ray cluster started within {SECONDS_TO_START:g} s; is there room?")
        for answer in done:
            worker = self._answers.pop(answer)
            self._ends_at = math.inf
            try:
                told: Sequence[Told] = self._ray.get(answer) or [Ready()]
            except self._ray.exceptions.RayTaskError as error:  # the pipeline's own, as on one machine
                raise error.cause if isinstance(error.cause, GdestError) else error from None
            except self._ray.exceptions.RayError:
                del self._actors[worker]
                told = [Lost("was lost", may_pass=True)]
            yield from ((worker, one) for one in told)

    def close(self) -> None:
        """End the actors, and leave the cluster unless it was reached before this scan."""
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._actors.clear()
        self._mark.unlink(missing_ok=True)
        if self._owned:
            self._ray.shutdown()

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]


def _gpus(nodes: list[dict[str, float]]) -> int:
    return int(sum(node.get("GPU", 0) for node in nodes))


def _cores(nodes: list[dict[str, float]]) -> int:
    """Return how many cores an actor has where there is no GPU."""
    return max(1, min(CORES_AN_ACTOR, *(int(node.get("CPU", 1)) for node in nodes)))


def _made_mark(out: Path) -> Path:
    """Make a file in the output folder that a scan which is killed leaves for the next one to remove."""
    mark = out.absolute() / f"{UNFINISHED}{secrets.token_hex(8)}"
    with as_output_error(mark):
        mark.touch(exist_ok=False)
    return mark


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise SettingsError("--engine ray needs Ray: pip install 'gdest[ray]' on every machine.") from error
    return ray
