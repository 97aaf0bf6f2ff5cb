"""Measure the map of G finer than tiles: how uniform steel looks in it, and where it puts a boundary of two G.

    python tests/benchmarks/fine_map.py [--pictures 3]

Uniform drawn pictures: the scatter over a picture, the share that lies more than 1 G from its mean, and what repeats
with the tiles. Spliced pictures: how far the boundary that each row of 32 px shows is from where it was cut, by the
single change of level with the least squares.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from gdest.core import GradeSettings, ImageFile, Micrograph
from gdest.grading import grade_map_of, graded_row
from gdest.model import NetworkPredictor, load_model, weights_path
from gdest.reports.fine_map import fine_grades
from gdest.reports.heatmap import pixel_grades
from gdest.synth import make_micrograph

ROWS, COLS, SIDE, PLACE = 672, 896, 224, 32
UNIFORM_G = (4.0, 5.5, 7.0, 8.5, 10.0)
SPLICED_G = ((6.0, 8.0), (8.0, 6.0), (7.0, 9.0), (5.5, 9.0), (7.0, 8.0))


def maps_of(pixels, predictor):
    """Return G by tiles and by places at each px of a picture."""
    micrograph = Micrograph(ImageFile(None, "drawn.tif"), pixels, 1.0, "command-line", "")
    row = graded_row(micrograph, replace(grade_map_of(micrograph, predictor, SIDE), boundaries=()), predictor.card)
    return pixel_grades(row), fine_grades(row, (COLS, ROWS))


def uniform(g, seed, predictor):
    pixels = make_micrograph(np.random.default_rng([seed, round(10 * g)]), g, ROWS, COLS, 1.0).pixels
    tiles, fine = maps_of(pixels, predictor)
    repeats = fine.reshape(ROWS // SIDE, SIDE, COLS // SIDE, SIDE).mean(axis=(0, 2)).std()
    return fine.std(), tiles.std(), float(np.mean(np.abs(fine - fine.mean()) > 1.0)), repeats


def spliced(left, right, seed, predictor):
    halves = [make_micrograph(np.random.default_rng([seed, 1]), g, ROWS, COLS, 1.0).pixels for g in (left, right)]
    at = int(np.random.default_rng([seed, round(10 * left), round(10 * right)]).integers(250, COLS - 250))
    found = maps_of(np.concatenate([halves[0][:, :at], halves[1][:, at:]], axis=1), predictor)
    return [[abs(change_in(row) - at) for row in one[PLACE // 2 :: PLACE]] for one in found]


def change_in(row):
    """Return the column at which a single change of level leaves the least squares."""
    sums, squares = np.cumsum(row, dtype=np.float64), np.cumsum(np.square(row, dtype=np.float64))
    count = np.arange(1, len(row))
    before, after = sums[:-1], sums[-1] - sums[:-1]
    return int(np.argmin(squares[-1] - before**2 / count - after**2 / (len(row) - count))) + 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=3, help="of each kind")
    count = parser.parse_args().pictures
    predictor = NetworkPredictor(load_model(weights_path(None)), GradeSettings(device="cpu"))
    print("| uniform G | scatter | of tiles | more than 1 G off | repeats with the tiles |\n|---|---|---|---|---|")
    for g in UNIFORM_G:
        fine, tiles, off, repeats = np.mean([uniform(g, 20 + i, predictor) for i in range(count)], axis=0)
        print(f"| {g:g} | {fine:.2f} | {tiles:.2f} | {off:.0%} | {repeats:.2f} |", flush=True)
    print("\n| spliced G | boundary off by, px: tiles | places |\n|---|---|---|")
    everything = []
    for left, right in SPLICED_G:
        found = np.concatenate([np.array(spliced(left, right, 30 + i, predictor)) for i in range(count)], axis=1)
        everything.append(found)
        print(f"| {left:g} and {right:g} | {found[0].mean():.0f} | {found[1].mean():.0f} |", flush=True)
    found = np.concatenate(everything, axis=1)
    print(f"| all: mean | {found[0].mean():.0f} | {found[1].mean():.0f} |")
    print(f"| all: median | {np.median(found[0]):.0f} | {np.median(found[1]):.0f} |")


if __name__ == "__main__":
    main()
