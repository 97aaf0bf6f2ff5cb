"""Let a small classifier tell real steel from drawn steel: what it sees is what the drawing lacks.

    python tests/benchmarks/real_or_drawn.py MICROGRAPHS DRAWN

MICROGRAPHS is a folder of real fields with a `truth.csv` of file,um_per_px,g, which is not part of this repository;
DRAWN is made by `gdest synth DRAWN`. Both are looked at in the size in which they would be graded, in tiles of
224x224 px. A linear discriminant of simple numbers of a tile is fitted without one material (or family) at a time, and
asked of that one. Printed are the share that is told right, each material counting once, and for each number by how
many deviations real and drawn tiles of equal G differ. Takes two minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from materials import WITHOUT_LINES, material_of
from numpy.typing import NDArray
from scipy import ndimage, stats

from gdest.core import ModelCard, cut_tiles, grain_size, tile_grid
from gdest.grading import COARSE_G
from gdest.reading import read_micrograph
from gdest.training.examples import halved_while_coarse
from gdest.training.labels import Labelled, read_labels

TILES_EACH, MOST_EACH = 6, 60
"""Of a micrograph, and of a material or family."""

SHRINKAGE = 0.1
OCTAVES = ((2, 3), (3, 5), (5, 9), (9, 17), (17, 33), (33, 65), (65, 112))
"""Bands of the spectrum, in waves per tile."""

Numbers = dict[str, float]


def numbers_of(tile: NDArray[np.uint8]) -> Numbers:
    """Return what is measured on one tile (side, side), brought to zero mean and unit deviation."""
    grey = tile.astype(np.float64)
    grey = (grey - grey.mean()) / max(float(grey.std()), 1.0)
    spectrum = np.abs(np.fft.fft2(grey))
    power = spectrum**2
    waves = np.hypot(*np.meshgrid(*[np.fft.fftfreq(len(grey)) * len(grey)] * 2))
    bands = [float(np.log2(power[(waves >= low) & (waves < high)].mean())) for low, high in OCTAVES]
    fine = grey - ndimage.gaussian_filter(grey, 1.5)
    sd = ndimage.generic_gradient_magnitude(ndimage.gaussian_filter(grey, 1.0), ndimage.sobel)
    local = np.sqrt(np.maximum(ndimage.uniform_filter(grey**2, 9) - ndimage.uniform_filter(grey, 9) ** 2, 0))
    along = spectrum[0, 1:].sum() / spectrum[1:, 0].sum()
    found = {f"waves {low} to {high} a tile": band for (low, high), band in zip(OCTAVES, bands, strict=True)}
    return found | {
        "skewness of the grey": float(stats.skew(grey.ravel())),
        "tails of the grey": float(np.log(stats.kurtosis(grey.ravel(), fisher=False))),
        "share of pure black or white": float(np.mean((tile < 3) | (tile > 252))),
        "noise": float(np.log(np.median(np.abs(fine)) + 1e-3)),
        "tails of the fine detail": float(np.log(stats.kurtosis(fine.ravel(), fisher=False))),
        "sharpness of edges": float(np.log(np.quantile(sd, 0.99) + 1e-3)),
        "share of smooth ground": float(np.mean(local < 0.2)),
        "evenness of the ground": float(np.log(np.quantile(local, 0.1) + 1e-3)),
        "rows against columns": float(np.log(along)),
    }


def tiles_of(item: Labelled, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Yield some tiles of a labelled micrograph, halved while its grains look coarse."""
    g_seen, side = float(grain_size.g_seen(item.g, item.um_per_px or 1.0, 1.0)), ModelCard.tile_px
    pixels, _ = halved_while_coarse(read_micrograph(item.file).pixels, g_seen, COARSE_G)
    tiles = cut_tiles(pixels, tile_grid(*pixels.shape, side, side))
    yield from tiles[rng.permutation(len(tiles))[:TILES_EACH]]


def measured(items: list[Labelled], group_of: dict[str, str]) -> dict[str, NDArray[np.float64]]:
    """Return the numbers (tiles, numbers) of each group of micrographs."""
    rng = np.random.default_rng(0)
    groups: dict[str, list[list[float]]] = {}
    for item in items:
        rows = groups.setdefault(group_of[item.file.name], [])
        if len(rows) < MOST_EACH:
            rows += [list(numbers_of(tile).values()) for tile in tiles_of(item, rng)]
    return {name: np.array(rows) for name, rows in groups.items()}


def discriminant(
    real: list[NDArray[np.float64]], drawn: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], float]:
    """Return the weights (numbers,) and the offset of Fisher's discriminant; each group counts once."""
    means = [np.mean([group.mean(axis=0) for group in side], axis=0) for side in (real, drawn)]
    spread = np.mean(
        [np.mean([np.cov(group.T) + np.outer(d := group.mean(axis=0) - mean, d) for group in side], axis=0)
         for side, mean in zip((real, drawn), means, strict=True)],
        axis=0,
    )  # fmt: skip
    spread = (1 - SHRINKAGE) * spread + SHRINKAGE * np.diag(np.diag(spread))
    weights = np.linalg.solve(spread, means[0] - means[1])
    return weights, float(weights @ (means[0] + means[1]) / 2.0)


def main() -> None:
    """Print what is told right and what tells it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("drawn", type=Path)
    options = parser.parse_args()
    truths = read_labels(options.micrographs / "truth.csv", None)
    real = measured(truths, {item.file.name: material_of(item.file.name) for item in truths})
    labels = read_labels(options.drawn, None)
    drawn = measured(labels, {item.file.name: item.material for item in labels})
    told = {}
    for name in [*real, *drawn]:
        weights, offset = discriminant(*[[side[n] for n in side if n != name] for side in (real, drawn)])
        is_real = (real | drawn)[name] @ weights > offset
        told[name] = float(np.mean(is_real if name in real else ~is_real))
    names = list(numbers_of(np.random.default_rng(0).integers(0, 256, (224, 224), dtype=np.uint8)))
    print("| material or family, left out | told right |\n|---|---|")
    for name, share in told.items():
        print(f"| {name}{'' if name in real else ' (drawn)'} | {share:.0%} |")
    print(f"| each once | {np.mean([np.mean([told[n] for n in side]) for side in (real, drawn)]):.0%} |")
    lines = {name: group for name, group in real.items() if name not in (*WITHOUT_LINES, "brass-c2600")}
    print("\n| of a tile | real - drawn, deviations | with lines | alone tells |\n|---|---|---|---|")
    both = [np.array([group.mean(axis=0) for group in side.values()]) for side in (real, drawn)]
    spread = np.sqrt(
        np.mean([np.mean([g.var(axis=0) for g in side.values()], axis=0) for side in (real, drawn)], axis=0)
    )
    apart = (both[0].mean(axis=0) - both[1].mean(axis=0)) / spread
    of_lines = (np.mean([g.mean(axis=0) for g in lines.values()], axis=0) - both[1].mean(axis=0)) / spread
    for at in np.argsort(-np.abs(apart)):
        middle = (both[0][:, at].mean() + both[1][:, at].mean()) / 2.0
        right = [np.mean((g[:, at] > middle) == (apart[at] > 0)) for g in real.values()]
        wrong = [np.mean((g[:, at] > middle) != (apart[at] > 0)) for g in drawn.values()]
        print(f"| {names[at]} | {apart[at]:+.1f} | {of_lines[at]:+.1f} | {(np.mean(right) + np.mean(wrong)) / 2:.0%} |")


if __name__ == "__main__":
    main()
