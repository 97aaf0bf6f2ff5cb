"""Measure the network alone, and what else grades the same files: bare_speed.py ROOT --device cuda --processes 1,16.

It prints the rate of bare passes at several batches, tiles on the device already, as they are and, on a GPU, as a CUDA
graph and compiled by torch.compile; that of gdest's own predictor on prepared pictures, with the way to the device and
back; a plain research script (PIL, torchvision transforms, one image at a time, float32, no outputs); and PyTorch's
DataLoader with so many processes that read and cut, whose main process runs the network in gdest's precision and
writes nothing. Each answers what a scan asks for, with boundary maps where it counts. `scan_speed.py` starts it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from gdest.core.settings import GradeSettings
from gdest.core.tiles import tiles_of
from gdest.model import network
from gdest.model.openvino_engine import leave_cores_to_openvino
from gdest.model.predictor import NetworkPredictor
from gdest.model.torch_engine import GPU_BATCH
from gdest.model.weights_file import weights_path

SIDE = 224
SECONDS = {"cuda": 2.0, "cpu": 6.0}
"""How long each rate is measured, after a first pass."""

BATCHES = {"cuda": (64, 128, 256, 512), "cpu": (16, 64)}
MOST_PLAIN = 20
"""Files of the plain script, which is slow."""


class Rate(NamedTuple):
    """How many tiles went through in how many seconds, by the clock and of CPU time."""

    tiles: int
    seconds: float
    cpu_seconds: float


class Watch:
    """Measure from now on, with the processes that this one has started."""

    def __init__(self) -> None:
        self._began, self._used = time.perf_counter(), _cpu_seconds()

    def rate(self, tiles: int) -> Rate:
        """Return the rate of so many tiles since."""
        return Rate(tiles, time.perf_counter() - self._began, _cpu_seconds() - self._used)


def _cpu_seconds() -> float:
    here = psutil.Process()
    return sum(sum(one.cpu_times()[:2]) for one in (here, *here.children()))


def rate_of(once: Callable[[], int], device: str) -> Rate:
    """Return the rate of a pass that returns the number of its tiles."""
    once()
    _finish(device)
    watch, began, tiles = Watch(), time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS[device]:
        tiles += once()
        _finish(device)
    return watch.rate(tiles)


def _finish(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


class Bare:
    """The network as gdest runs it, without what brings the tiles."""

    def __init__(self, settings: GradeSettings) -> None:
        self.predictor = NetworkPredictor(network.load_model(weights_path(None)), settings)
        self.device = self.predictor.choice.device
        self.bf16 = self.predictor.choice.precision == "bf16"
        model = network.to_device(network.load_model(weights_path(None)).network, torch.device(self.device)).eval()
        self._answer = model.answer_with_boundaries if settings.count else model.answer

    @torch.inference_mode()
    def answer(self, tiles: Tensor) -> tuple[Tensor, ...]:
        """Return what the network says of tiles (n, 1, side, side) uint8 on the device."""
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.bf16):
            return self._answer(tiles.contiguous(memory_format=torch.channels_last))

    def tiles(self, batch: int) -> Tensor:
        """Return tiles on the device."""
        return torch.randint(0, 255, (batch, 1, SIDE, SIDE), dtype=torch.uint8).to(self.device)

    def as_it_is(self, batch: int) -> Callable[[], int]:
        """Return a pass of so many tiles."""
        tiles = self.tiles(batch)
        return lambda: len(self.answer(tiles)[0])

    def as_graph(self, batch: int) -> Callable[[], int]:
        """Return a pass that replays a CUDA graph."""
        tiles, graph = self.tiles(batch), torch.cuda.CUDAGraph()
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(3):
                self.answer(tiles)
        torch.cuda.current_stream().wait_stream(beside)
        with torch.cuda.graph(graph):
            self.answer(tiles)

        def once() -> int:
            graph.replay()
            return batch

        return once

    def compiled(self, batch: int) -> Callable[[], int]:
        """Return a pass of the compiled network."""
        answer, tiles = torch.compile(self.answer), self.tiles(batch)
        return lambda: len(answer(tiles)[0])

    def through_predictor(self) -> Callable[[], int]:
        """Return passes as a scan asks for them, one for each of the predictor's streams."""
        pixels = np.random.default_rng(0).integers(0, 255, (self.predictor.batch, SIDE, SIDE), dtype=np.uint8)
        pool = ThreadPoolExecutor(self.predictor.streams)

        def once() -> int:
            asked = [[tiles_of(pixels)] for _ in range(self.predictor.streams)]
            return sum(len(one.g_seen) for one in pool.map(self.predictor.predict, asked))

        return once


class Cut(Dataset[Tensor]):
    """The tiles of each file at full size, as a DataLoader's process reads and cuts them."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> Tensor:
        with Image.open(self.files[number]) as image:
            pixels = transforms.functional.pil_to_tensor(image.convert("L"))
        rows, cols = (range(0, side - SIDE + 1, SIDE) for side in pixels.shape[1:])
        return torch.stack([pixels[:, r : r + SIDE, c : c + SIDE] for r in rows for c in cols])


def with_loader(bare: Bare, files: list[Path], processes: int) -> Rate:
    """Return the rate of a DataLoader once its processes have started, before they end."""
    pin = bare.device == "cuda"
    loader = DataLoader(Cut(files), batch_size=4, num_workers=processes, collate_fn=torch.cat, pin_memory=pin)
    batches, tiles = iter(loader), 0
    next(batches)
    watch = Watch()
    for _ in range(len(loader) - 2):
        some = next(batches)
        tiles += len(some)
        bare.answer(some.to(bare.device, non_blocking=True))[0].float().cpu()
    return watch.rate(tiles)


@torch.no_grad()
def plain(files: list[Path], device: str) -> Rate:
    """Return the rate of the script that a laboratory would write."""
    model = network.load_model(weights_path(None)).network.to(device)
    watch, tiles = Watch(), 0
    for path in files:
        cut = Cut([path])[0].float().to(device)
        model(cut).mean().item()
        tiles += len(cut)
    return watch.rate(tiles)


def ways_of(bare: Bare, *, compiled: bool) -> Iterator[tuple[str, Callable[[int], Callable[[], int]], int]]:
    """Yield the ways to run the network, each with a batch; compiling it takes half a minute, so one batch."""
    for batch in BATCHES[bare.device]:
        yield "as it is", bare.as_it_is, batch
    if bare.device == "cuda":
        for batch in BATCHES[bare.device]:
            yield "CUDA graph", bare.as_graph, batch
        if compiled:
            yield "torch.compile", bare.compiled, GPU_BATCH


def say(what: str, rate: Rate) -> None:
    """Print one line for `scan_speed.py`: tiles a second, CPU seconds a tile."""
    sys.stdout.write(f"{what}\t{rate.tiles / rate.seconds:.1f}\t{rate.cpu_seconds / rate.tiles:.6f}\n")
    sys.stdout.flush()


def main() -> None:
    """Print a line for each rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--no-count", action="store_true")
    parser.add_argument("--processes", default="", help="of a DataLoader; with them the plain script runs too")
    parser.add_argument("--quick", action="store_true", help="gdest's predictor only")
    asked = parser.parse_args()
    settings = GradeSettings(
        device=asked.device, batch=asked.batch, precision=asked.precision, count=not asked.no_count
    )
    bare = Bare(settings)
    if bare.predictor.runs_openvino:
        leave_cores_to_openvino()
    say("gdest's predictor", rate_of(bare.through_predictor(), bare.device))
    if not asked.quick and not bare.predictor.runs_openvino:
        for name, way, batch in ways_of(bare, compiled=bool(asked.processes)):
            try:
                say(f"bare, {name}, batch {batch}", rate_of(way(batch), bare.device))
            except Exception as error:  # no compiler, or no memory for so many: the others are still measured
                sys.stderr.write(f"bare, {name}, batch {batch}: {type(error).__name__}: {error}\n"[:300])
    files = sorted(asked.root.iterdir())
    if asked.processes:
        say("plain script", plain(files[:MOST_PLAIN], bare.device))
    for count in map(int, filter(None, asked.processes.split(","))):
        say(f"DataLoader, {count} processes", with_loader(bare, files, min(count, os.cpu_count() or 1)))


if __name__ == "__main__":
    main()
