"""Measure whether training waits for its data: python tests/benchmarks/training_speed.py [--device cpu] [--bf16].

Prints, from one run on one machine, with the same network and batch: the rate of bare forward and
backward passes on a prepared batch, and the rate of whole training steps, crops cut and augmented, the
optimiser included, both in crops per second. The two take turns, so that a machine that other work
slows down slows both. Asked for: at least 85 %.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from gdest.model import choose_device
from gdest.training.augment import cut_batch
from gdest.training.examples import Example
from gdest.training.fit import new_card
from gdest.training.settings import TrainSettings
from gdest.training.trainer import Trainer, grade_loss

ROWS, COLS, MICROGRAPHS = 960, 1280, 125


def examples(device: torch.device, count: int) -> list[Example]:
    """Return micrographs of the paper's size, decoded, on the device."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(count):
        picture = torch.from_numpy(rng.integers(0, 256, (1, ROWS, COLS), dtype=np.uint8)).to(device)
        levels = (picture, picture[:, ::2, ::2].contiguous(), picture[:, ::4, ::4].contiguous())
        made.append(Example(levels, 4.0 + i % 10))
    return made


def seconds(work: Callable[[], object], device: torch.device, times: int) -> float:
    """Return how long some repetitions take, the device's queue emptied."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=2, help="steps of each kind in a round")
    options = parser.parse_args()
    device = choose_device(options.device)
    torch.set_float32_matmul_precision("high")
    known = examples(device, MICROGRAPHS if device.type == "cuda" else 32)
    settings = TrainSettings(batch=options.batch, device=str(device), bf16=options.bf16)
    card = new_card(known, settings, "random", len(known))
    trainer = Trainer(card, settings, 10**6, dense=False)
    g_range = (card.g_min, card.g_max)

    def picked() -> list[Example]:
        return [known[i] for i in trainer.rng.integers(len(known), size=options.batch)]

    prepared = cut_batch(picked(), settings, g_range, trainer.rng)

    def bare() -> None:
        trainer.network.train()
        with trainer.autocast():
            features = trainer.network.features(prepared.crops.contiguous(memory_format=torch.channels_last))
            outputs = trainer.network.outputs(trainer.network.embedding(features))
        trainer.network.zero_grad(set_to_none=True)
        grade_loss(outputs, prepared.g_seen, trainer.network).backward()

    def step() -> None:
        trainer.step(cut_batch(picked(), settings, g_range, trainer.rng))

    def cut() -> None:
        cut_batch(picked(), settings, g_range, trainer.rng)

    work = {"bare forward and backward": bare, "training steps": step, "cutting crops alone": cut}
    for one in work.values():
        seconds(one, device, 1)
    spent = dict.fromkeys(work, 0.0)
    for _ in range(options.rounds):
        for name, one in work.items():
            spent[name] += seconds(one, device, options.steps)
    crops = options.rounds * options.steps * options.batch
    for name, value in spent.items():
        print(f"{name}: {crops / value:.1f} crops/s")
    print(f"training / bare: {spent['bare forward and backward'] / spent['training steps']:.1%}")


if __name__ == "__main__":
    main()
