"""Make the example micrographs of this folder again: python examples/make_examples.py."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from gdest.core import grain_size
from gdest.synth.dataset import make_micrograph, write_tiff
from gdest.synth.label_maps import count_grains

HERE = Path(__file__).parent
ROWS, COLS = 600, 800
SINGLE = [(3.0, 1.0, 1), (4.5, 0.5, 2), (6.0, 1.0, 3), (7.5, 0.5, 4), (9.0, 1.0, 6), (10.5, 0.5, 17), (12.0, 1.0, 8)]
"""Wanted G, um per px, seed."""

SPLICED = ((4.0, 6.0), (8.0, 10.0))


def spliced(um_per_px: float) -> tuple[np.ndarray, float]:
    """Return an image of four grades, a quadrant each, and the G of its mean density."""
    quadrants = [
        [
            make_micrograph(np.random.default_rng([12, row, col]), g, ROWS // 2, COLS // 2, um_per_px)
            for col, g in enumerate(grades)
        ]
        for row, grades in enumerate(SPLICED)
    ]
    grains = sum(count_grains(made.labels) for pair in quadrants for made in pair)
    area_mm2 = ROWS * COLS * (um_per_px * 1e-3) ** 2
    return np.block([[made.pixels for made in pair] for pair in quadrants]), grain_size.g_from_count(grains, area_mm2)


def main() -> None:
    """Write the images and labels.csv."""
    rows = []
    for wanted, um_per_px, seed in SINGLE:
        made = make_micrograph(np.random.default_rng([77, seed]), wanted, ROWS, COLS, um_per_px)
        name = f"steel-{len(rows) + 1}.tif"
        write_tiff(HERE / name, made.pixels, um_per_px, "zlib")
        rows.append((name, f"{made.g:.2f}", um_per_px))
    pixels, g = spliced(1.0)
    write_tiff(HERE / "spliced-from-four.tif", pixels, 1.0, "zlib")
    rows.append(("spliced-from-four.tif", f"{g:.2f}", 1.0))
    with (HERE / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "g", "um_per_px"), *rows])


if __name__ == "__main__":
    main()
