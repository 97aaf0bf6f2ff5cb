"""Compare processes, Ray actors and Ray Data: python tests/benchmarks/ray_engines.py [--count 300] [--cores 2].

Ray Data needs pyarrow: pip install "ray[data]".

The same small micrographs are graded and drawn by the same function: by as many processes as cores, as by `gdest scan
--workers`; and on a local Ray of so many cores by the actors of `gdest scan --engine ray`; by Ray Data with actors that
leave its reading stage a core; and by Ray Data with actors that claim every core, which gets `--patience` seconds. The
network is a fake, so that what is compared is the feeding. The starts of processes and actors are counted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import ray
from fake_network import Slow
from kill_scan import write_micrographs

from gdest.core.calibration import CalibrationSettings
from gdest.core.files import image_files
from gdest.core.records import ImageFile
from gdest.core.settings import GradeSettings
from gdest.reports import ModelName
from gdest.scan.cluster import FILES_A_CHUNK, Cluster
from gdest.scan.feeding import Crew, Feed
from gdest.scan.finishing import Finisher
from gdest.scan.processes import Processes, under_way
from gdest.scan.stopping import Stop
from gdest.scan.worker import Duty

SETTINGS = GradeSettings(CalibrationSettings(um_per_px=1.0))


def finisher_in(out: Path) -> Finisher:
    """Return what grades and draws into a folder."""
    return Finisher(out, ModelName("fake", "0" * 64), draws=True)


def make_predictor() -> Any:
    """Return a fake network, made anew on a worker of Ray, which cannot import this folder."""
    from gdest.core.model_card import ModelCard
    from gdest.core.records import TileAnswers
    from gdest.core.tiles import Tiles, cut_parts

    class Fake:
        card, name, sha256, batch, streams = ModelCard(), "fake", "0" * 64, 64, 1

        def predict(self, parts: Sequence[Tiles]) -> TileAnswers:
            tiles = cut_parts(parts)
            unknown = np.full((len(tiles), 4), np.nan, np.float32)
            return TileAnswers(tiles.mean(axis=(1, 2)).astype(np.float32) / 20, unknown[:, :3], unknown[:, 3])

    return Fake()


class Stage:
    """Grade a batch of paths, as Ray Data hands them to an actor."""

    def __init__(self, out: Path) -> None:
        self.predictor, self.finisher = make_predictor(), finisher_in(out)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[int]]:
        """Return how many rows each file gave; the bytes that Ray Data has read are not looked at again."""
        files = [ImageFile(Path(str(path)), str(path).replace("/", "-")) for path in batch["path"]]
        return {"rows": [len(one.findings) for one in self.finisher.finished(files, self.predictor, SETTINGS)]}


def with_processes(root: Path, out: Path, count: int) -> int:
    """Return how many files so many processes graded."""
    crew = Processes(Duty(partial(Slow, 0.0), SETTINGS, finisher_in(out), None, under_way(count)))
    return _fed(crew, root, out, count)


def with_actors(root: Path, out: Path) -> int:
    """Return how many files the plain actors graded."""
    crew = Cluster(make_predictor, SETTINGS, finisher_in(out), None)
    return _fed(crew, root, out, crew.size)


def _fed(crew: Crew, root: Path, out: Path, count: int) -> int:
    files = image_files([root])
    with closing(Feed(crew, finisher_in(out), Stop(), count)) as feed:
        return sum(1 for _ in feed.finished(files, len(files)))


def with_data(root: Path, out: Path, actors: int) -> int:
    """Return how many files Ray Data graded with so many actors of one core each."""
    files = ray.data.read_binary_files([str(file.path) for file in image_files([root])], include_paths=True)
    pool = ray.data.ActorPoolStrategy(size=actors)
    graded = files.map_batches(Stage, fn_constructor_args=(out,), batch_size=FILES_A_CHUNK, num_cpus=1, compute=pool)
    return sum(1 for _ in graded.iter_rows())


def main() -> None:
    """Time each engine in a process of its own; one that hangs is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--patience", type=float, default=180.0)
    parser.add_argument("--one", nargs=2, metavar=("ENGINE", "ROOT"), help="used by this script itself")
    options = parser.parse_args()
    if options.one:
        engine, root = options.one[0], Path(options.one[1])
        with tempfile.TemporaryDirectory() as out:
            if engine != "processes":
                ray.init(num_cpus=options.cores, log_to_driver=False, include_dashboard=False)
            began = time.monotonic()
            if engine == "processes":
                graded = with_processes(root, Path(out), options.cores)
            else:
                graded = with_actors(root, Path(out)) if engine == "actors" else with_data(root, Path(out), int(engine))
            print(f"{graded} files in {time.monotonic() - began:.1f} s")
            ray.shutdown()
        return
    with tempfile.TemporaryDirectory() as temporary:
        write_micrographs(Path(temporary), options.count)
        for engine in ("processes", "actors", str(options.cores - 1), str(options.cores)):
            name = f"Ray Data with {engine} of {options.cores} cores" if engine.isdecimal() else engine
            command = [sys.executable, __file__, "--cores", str(options.cores), "--one", engine, temporary]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=options.patience, check=False)
                print(
                    f"{name}: {done.stdout.strip().splitlines()[-1] if done.stdout else done.stderr[-300:]}", flush=True
                )
            except subprocess.TimeoutExpired:
                print(f"{name}: not done after {options.patience:.0f} s", flush=True)


if __name__ == "__main__":
    main()
