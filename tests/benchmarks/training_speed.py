"""Measure whether training waits for its data: python tests/benchmarks/training_speed.py [--device cuda] [--bf16].

In one call of a few minutes, for each batch, with the same network, with label maps unless `--plain`, in crops per
second (on a CPU, of processor time): bare forward and backward passes on a prepared batch; whole training steps from
decoded micrographs (crops cut and augmented, the optimiser included); cutting alone, and the part of it that Python
does even where a GPU does the rest. They take turns, so that a machine that other work slows down slows all. Then, by
the clock, with the largest batch, training from micrographs drawn meanwhile by each number of processes, and where
that waits. Asked for: training at least 85 % of the bare passes.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from gdest.core import CORES
from gdest.model import choose_device
from gdest.training.augment import cut_batch
from gdest.training.channels import log2_densities, pyramid
from gdest.training.dense import DenseHead
from gdest.training.draw_settings import DrawSettings
from gdest.training.examples import Example
from gdest.training.feeding import Decoded, feeding
from gdest.training.fit import new_card
from gdest.training.settings import TrainSettings
from gdest.training.trainer import Trainer, grade_loss
from gdest.training.windows import cut_windows

ROWS, COLS, MICROGRAPHS = 960, 1280, 125


def examples(device: torch.device, count: int, channels: int) -> list[Example]:
    """Return micrographs of the paper's size, decoded, on the device."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(count):
        levels = pyramid(rng.integers(0, 256, (channels, ROWS, COLS), dtype=np.uint8))
        on_device = tuple(torch.from_numpy(level).to(device) for level in levels)
        made.append(Example(on_device, 4.0 + i % 10, log2_densities(levels), shows_features=channels > 1))
    return made


@dataclass
class Bench:
    """Hold what is trained, by one batch size."""

    known: list[Example]
    settings: TrainSettings
    device: torch.device

    def __post_init__(self) -> None:
        self.card = new_card(self.known, self.settings, "random", len(self.known))
        self.trainer = Trainer(self.card, self.settings, 10**6, dense=self.card.boundaries)
        self.range = (self.card.g_min, self.card.g_max)
        self.prepared = cut_batch(self.picked(), self.settings, self.range, self.trainer.rng)

    def picked(self) -> list[Example]:
        """Return the micrographs of a step."""
        return [self.known[i] for i in self.trainer.rng.integers(len(self.known), size=self.settings.batch)]

    def bare(self) -> None:
        """Pass the prepared batch forward and backward, its dense targets included."""
        network, batch, head = self.trainer.network.train(), self.prepared, self.trainer.dense_head
        with self.trainer.autocast():
            stem, maps = network.maps(batch.crops.contiguous(memory_format=torch.channels_last))
            outputs = network.outputs(network.embedding(maps[-1]))
            dense = isinstance(head, DenseHead) and network.decoder and batch.dense
            found = head.loss(maps, network.decoder(stem, maps), batch.dense) if dense else 0.0
        network.zero_grad(set_to_none=True)
        (grade_loss(outputs, batch.g_seen, network) + found).backward()

    def step(self) -> None:
        """Cut the crops of a step and learn from them."""
        self.trainer.step(cut_batch(self.picked(), self.settings, self.range, self.trainer.rng))

    def cut(self) -> None:
        """Cut the crops of a step."""
        cut_batch(self.picked(), self.settings, self.range, self.trainer.rng)

    def place(self) -> None:
        """Do the part of the cutting that Python does whatever the device is; where it is a CPU, it copies too."""
        zooms = np.full(self.settings.batch, 0.8)
        exact = np.zeros(self.settings.batch, bool)
        cut_windows(self.picked(), zooms, (self.settings.crop_px,) * 2, self.trainer.rng, exact)


def seconds(work: Callable[[], object], device: torch.device, times: int) -> float:
    """Return how long some repetitions take: on a CPU in processor time, else with the device's queue emptied."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    began = clock()
    for _ in range(times):
        work()
    settled(device)
    return clock() - began


def settled(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def by_turns(bench: Bench, lasting: float) -> float:
    """Print the rates of each kind of work; return that of the bare passes, crops/s."""
    kinds = {
        "bare forward and backward": bench.bare,
        "training steps": bench.step,
        "cutting alone": bench.cut,
        "its places in Python": bench.place,
    }
    times = {}
    for name, work in kinds.items():
        seconds(work, bench.device, 1)
        once = seconds(work, bench.device, 2) / 2
        times[name] = max(1, round(lasting / len(kinds) / 3 / once))
    rates = dict.fromkeys(kinds, 0.0)
    for _ in range(3):
        for name, work in kinds.items():
            rates[name] += times[name] * bench.settings.batch / seconds(work, bench.device, times[name]) / 3
    bare = rates["bare forward and backward"]
    print(f"batch {bench.settings.batch}")
    for name, rate in rates.items():
        print(f"  {name}: {rate:.1f} crops/s, {1e3 / rate:.3f} ms a crop, {bare / rate:.2%} of the time of bare passes")
    print(f"  training / bare: {rates['training steps'] / bare:.1%}", flush=True)
    return bare


def from_drawing(bench: Bench, processes: int, lasting: float, bare: float, size: str) -> None:
    """Print the rate of training from micrographs that so many processes draw meanwhile, and where it waits."""
    drawing = DrawSettings(100_000, size, draw_workers=processes)
    settings = replace(bench.settings, epochs=1, drawing=drawing)
    spent = {"waiting for what is drawn": 0.0, "copying and cutting": 0.0, "giving the step": 0.0, "the device": 0.0}
    with feeding(Decoded([], []), bench.card, settings) as feed:
        batches = feed.batches(1, bench.trainer.rng)
        bench.trainer.step(next(batches))  # the first step waits until there are micrographs for many
        settled(bench.device)
        began, steps, before = time.perf_counter(), 0, feed.waited_s
        while time.perf_counter() - began < lasting:
            marks = [time.perf_counter()]
            batch = next(batches)
            marks.append(time.perf_counter())
            bench.trainer.step(batch)
            marks.append(time.perf_counter())
            spent["copying and cutting"] += marks[1] - marks[0]
            spent["giving the step"] += marks[2] - marks[1]
            steps += 1
        marked = time.perf_counter()
        settled(bench.device)
        spent["the device"] = time.perf_counter() - marked
        whole = time.perf_counter() - began
        spent["waiting for what is drawn"] = feed.waited_s - before
        spent["copying and cutting"] -= spent["waiting for what is drawn"]
    rate = steps * settings.batch / whole
    drawn = rate / settings.crops_per_micrograph
    where = ", ".join(f"{name} {value / whole:.0%}" for name, value in spent.items())
    print(f"  {processes} drawing: {rate:.0f} crops/s, {rate / bare:.1%}; {drawn:.1f} micrographs/s", flush=True)
    print(f"    {where}", flush=True)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--plain", action="store_true", help="without label maps")
    parser.add_argument("--batch", type=int, nargs="+", help="32 128 256 on a GPU, 32 on a CPU")
    parser.add_argument("--processes", type=int, nargs="*", help="2 4 8 ... up to the cores less two")
    parser.add_argument("--crops-per-micrograph", type=int, default=72)
    parser.add_argument("--size", default="512x512", help="of what is drawn")
    parser.add_argument("--seconds", type=float, default=20.0, help="that each of the lines takes about")
    options = parser.parse_args()
    device = choose_device(options.device)
    gpu = device.type == "cuda"
    torch.set_float32_matmul_precision("high")
    name = torch.cuda.get_device_name(device) if gpu else f"{platform.processor() or platform.machine()} CPU"
    print(f"{name}, {CORES} cores, {torch.get_num_threads()} threads, torch {torch.__version__}")
    known = examples(device, MICROGRAPHS if gpu else 16, 1 if options.plain else 5)
    bare = 0.0
    for batch in options.batch or ([32, 128, 256] if gpu else [32]):
        crops = options.crops_per_micrograph
        settings = TrainSettings(
            batch=batch, device=str(device), bf16=options.bf16, rescale_g=2.0, average=0.998, crops_per_micrograph=crops
        )
        bench = Bench(known, settings, device)
        bare = by_turns(bench, 4 * options.seconds)
    usual = [count for count in (2, 4, 8, 11, 14) if count <= max(2, CORES - 2)]
    for processes in usual if options.processes is None else options.processes:
        from_drawing(bench, processes, options.seconds, bare, options.size)


if __name__ == "__main__":
    main()
