"""Print how often mixed micrographs are found, uniform ones called mixed, and which types are suggested.

    python tests/benchmarks/homogeneity.py FOLDER [--seed 1] [--uniform 168] [--mixed 170] [--weights FILE] [--list]

A set is `--uniform` drawn micrographs, evenly spread over G 2.5 to 12.5, and `--mixed` ones spliced from these
(turned by half turns): halves, quadrants, bands, patches, blocks of many grades, gradients of eight strips; 2 to 4 G
apart by their counted grains, the smaller part 10 to 50 % of the area. Rules are tuned on `--seed 1` and measured on
`--seed 2`. Pictures and grade maps are kept in FOLDER: drawing takes about 2.5 s of a core each, grading 1.6 s with
OpenVINO (used where installed), so other weights cost ten minutes of a core and the same weights seconds.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from gdest.cli.run_info import load_weights
from gdest.core.records import GradeMap, TileGrid
from gdest.core.settings import GradeSettings
from gdest.core.tiles import GreyImage
from gdest.grading.batching import Predictor, SharedPredictor
from gdest.grading.homogeneity import Assessment, assess
from gdest.grading.zooms import predict_grade_map
from gdest.model.predictor import NetworkPredictor
from gdest.synth.dataset import make_micrograph

ROWS, COLS = 960, 1280
LEVELS = np.arange(2.5, 12.51, 0.5)
KINDS = ("halves", "bands", "patch", "gradient", "quadrants", "patch", "blocks", "bands", "gradient")
STRIPS = 8
SMALLEST_CONTRAST, LARGEST_CONTRAST = 2.0, 4.0
ISOLATED_AREA = 0.2
MEAN_GREY, SD_GREY = 140.0, 40.0


@dataclass(frozen=True)
class Case:
    """Say what one micrograph of the set shows: its kind, true G of its parts, and the type to be suggested."""

    name: str
    kind: str
    coarse: float
    fine: float
    area: float
    kind_due: str


def draw_uniform(job: tuple[Path, int, int]) -> None:
    """Draw uniform micrograph `index` of a seed, once; its counted G stands beside it."""
    folder, seed, index = job
    path = folder / f"uniform-{index:04d}.png"
    if path.with_suffix(".json").is_file():
        return
    made = make_micrograph(np.random.default_rng([seed, index]), level(index), ROWS, COLS, 1.0)
    Image.fromarray(made.pixels).save(path, compress_level=1)
    path.with_suffix(".json").write_text(json.dumps(made.g))


def level(index: int) -> float:
    """Return the wanted G of uniform micrograph `index`; any first few are spread over the whole range."""
    return float(LEVELS[index * 8 % len(LEVELS)])


class Bank:
    """Give the uniform micrographs of a seed, and splice them."""

    def __init__(self, folder: Path, count: int) -> None:
        paths = [folder / f"uniform-{index:04d}.png" for index in range(count)]
        self.paths = paths
        self.g = np.array([json.loads(path.with_suffix(".json").read_text()) for path in paths])

    def picture(self, index: int) -> np.ndarray:
        return np.asarray(Image.open(self.paths[index]))

    def turned(self, rng: np.random.Generator, index: int) -> np.ndarray:
        """Return a picture mirrored by chance, in the grey of them all: a section has one light and one etch."""
        pixels = self.picture(index)[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])].astype(np.float32)
        grey = MEAN_GREY + (pixels - pixels.mean()) * (SD_GREY / max(float(pixels.std()), 1.0))
        return np.clip(grey, 0, 255).astype(np.uint8)

    def nearest(self, g: float) -> int:
        return int(np.argmin(np.abs(self.g - g)))

    def pair(self, rng: np.random.Generator) -> tuple[int, int]:
        """Return a coarse and a fine micrograph."""
        gaps = self.g[None, :] - self.g[:, None]
        pairs = np.argwhere((gaps >= SMALLEST_CONTRAST) & (gaps <= LARGEST_CONTRAST))
        first = rng.choice(np.unique(pairs[:, 0]))  # every coarse one is as likely, whatever its number of partners
        return int(first), int(rng.choice(pairs[pairs[:, 0] == first, 1]))


def spliced(bank: Bank, seed: int, index: int) -> tuple[Case, np.ndarray]:
    """Return mixed micrograph `index` of a seed: what it shows, and its grey pixels (rows, cols)."""
    rng = np.random.default_rng([seed, 6600, index])
    kind, upright = KINDS[index % len(KINDS)], bool(rng.random() < 0.5)
    coarse, fine = bank.pair(rng)
    ends = float(bank.g[coarse]), float(bank.g[fine])
    name = f"{kind}-{index:04d}"
    if kind in ("gradient", "blocks"):
        pixels = _slope(rng, bank, ends, upright) if kind == "gradient" else _blocks(rng, bank, ends)
        return Case(name, kind, *ends, 0.5, "gradient" if kind == "gradient" else "wide-range"), pixels
    part = _part(rng, kind, upright)
    is_coarse = bool(rng.random() < 0.5)
    inside, outside = (coarse, fine) if is_coarse else (fine, coarse)
    pixels = np.where(part, bank.turned(rng, inside), bank.turned(rng, outside))
    area = float(part.mean())
    due = {"bands": f"banding-{'vertical' if upright else 'horizontal'}"}.get(kind, "bimodal")
    isolated = kind == "patch" or (kind == "quadrants" and area < 0.3)
    if isolated and is_coarse and area <= ISOLATED_AREA:
        due = "isolated-coarse"
    return Case(name, kind, *ends, area, due), pixels


def _slope(rng: np.random.Generator, bank: Bank, ends: tuple[float, float], upright: bool) -> np.ndarray:
    grades = np.linspace(*ends, STRIPS)[:: rng.choice([-1, 1])]
    pixels = np.empty((ROWS, COLS), np.uint8)
    along = pixels.T if upright else pixels
    edges = np.linspace(0, len(along), STRIPS + 1).astype(int)
    for g, start, stop in zip(grades, edges[:-1], edges[1:], strict=True):
        picture = bank.turned(rng, bank.nearest(g))
        along[start:stop] = (picture.T if upright else picture)[start:stop]
    return pixels


def _blocks(rng: np.random.Generator, bank: Bank, ends: tuple[float, float]) -> np.ndarray:
    pixels = np.empty((ROWS, COLS), np.uint8)
    grades = rng.permutation(np.linspace(*ends, 12)).reshape(3, 4)
    for (row, col), g in np.ndenumerate(grades):
        area = np.s_[row * ROWS // 3 : (row + 1) * ROWS // 3, col * COLS // 4 : (col + 1) * COLS // 4]
        pixels[area] = bank.turned(rng, bank.nearest(g))[area]
    return pixels


def _part(rng: np.random.Generator, kind: str, upright: bool) -> np.ndarray:
    """Return which pixels belong to the smaller part, (rows, cols)."""
    part = np.zeros((ROWS, COLS), bool)
    along = part.T if upright else part
    length = along.shape[0]
    if kind == "halves":
        along[: round(rng.uniform(0.25, 0.5) * length)] = True
    elif kind == "bands":
        area = rng.uniform(0.25, 0.5)
        count = 1 if area < 0.4 else 2
        for start in (np.arange(count) + rng.uniform(0.1, 0.4)) / count * length:
            along[int(start) : int(start + area / count * length)] = True
    elif kind == "quadrants":
        part[: ROWS // 2, : COLS // 2] = True
        if rng.random() < 0.5:
            part[ROWS // 2 :, COLS // 2 :] = True
    else:
        side = np.sqrt(rng.uniform(0.1, 0.35) * ROWS * COLS)
        rows, cols = round(side * 0.9), round(side / 0.9)
        top, left = rng.integers(0, ROWS - rows), rng.integers(0, COLS - cols)
        part[top : top + rows, left : left + cols] = True
    return part[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]


def kept_map(path: Path, predictor: Predictor, pixels: np.ndarray) -> GradeMap:
    """Return the grade map of a picture that shows homogeneity, computed once and kept."""
    if not path.is_file():
        graded = predict_grade_map(GreyImage(pixels), predictor, predictor.card.tile_px)
        found = graded.closer or graded  # what `assess` looks at
        np.savez(path, g=found.g_seen, tops=found.grid.tops, lefts=found.grid.lefts, zoom=found.zoom)
    with np.load(path) as kept:
        grid = TileGrid(tuple(map(int, kept["tops"])), tuple(map(int, kept["lefts"])), predictor.card.tile_px)
        return GradeMap(kept["g"], grid, float(kept["zoom"]), kept["g"].size)


def whole_set(folder: Path, arguments: argparse.Namespace, predictor: NetworkPredictor) -> list[tuple[Case, GradeMap]]:
    """Return every micrograph of a set with its grade map, drawing and grading what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder, arguments.seed, index) for index in range(arguments.uniform)]
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(draw_uniform, jobs))
    bank, mark = Bank(folder, arguments.uniform), predictor.sha256[:12]

    def uniform(index: int) -> tuple[Case, GradeMap]:
        g = float(bank.g[index])
        case = Case(f"uniform-{index:04d}", "uniform", g, g, 0.0, "uniform")
        return case, kept_map(folder / f"{mark}-{case.name}.npz", shared, bank.picture(index))

    def mixed(index: int) -> tuple[Case, GradeMap]:
        case, pixels = spliced(bank, arguments.seed, index)
        return case, kept_map(folder / f"{mark}-{len(bank.g)}-{case.name}.npz", shared, pixels)

    with SharedPredictor(predictor) as shared, ThreadPoolExecutor(2 * predictor.streams) as threads:
        return [*threads.map(uniform, range(arguments.uniform)), *threads.map(mixed, range(arguments.mixed))]


def report(answers: list[tuple[Case, Assessment]]) -> None:
    """Print false alarms per whole G, detections per kind, and the table of types."""
    uniform = [(round(case.coarse), said.verdict.startswith("duplex")) for case, said in answers if case.area == 0.0]
    for g in sorted({g for g, _ in uniform}):
        alarms = [alarm for each, alarm in uniform if each == g]
        print(f"uniform G {g}: {sum(alarms)} false alarms of {len(alarms)}")
    alarms = [alarm for _, alarm in uniform]
    print(f"uniform, all: {sum(alarms)} false alarms of {len(alarms)} ({np.mean(alarms):.1%})\n")
    mixed = [(case, said.verdict) for case, said in answers if case.area > 0.0]
    if not mixed:
        return
    for kind in dict.fromkeys(KINDS):
        found = [verdict.startswith("duplex") for case, verdict in mixed if case.kind == kind]
        print(f"{kind}: {sum(found)} found of {len(found)}")
    found = [verdict.startswith("duplex") for _, verdict in mixed]
    print(f"mixed, all: {sum(found)} found of {len(found)} ({np.mean(found):.1%})\n")
    table = Counter((case.kind_due, verdict.removeprefix("duplex:")) for case, verdict in mixed)
    said_types = sorted({said for _, said in table})
    print("due \\ said".ljust(20), *(said.rjust(19) for said in said_types))
    for due in sorted({due for due, _ in table}):
        print(due.ljust(20), *(str(table[due, said]).rjust(19) for said in said_types))
    right = sum(count for (due, said), count in table.items() if due == said)
    print(f"types: {right} right of {len(mixed)} ({right / len(mixed):.1%}), of those found {right / sum(found):.1%}")


def main() -> None:
    """Read the arguments, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--uniform", type=int, default=168)
    parser.add_argument("--mixed", type=int, default=170)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="print every micrograph with what is said of it")
    arguments = parser.parse_args()
    predictor = NetworkPredictor(load_weights(arguments.weights), GradeSettings())
    found = whole_set(arguments.folder / f"seed-{arguments.seed}", arguments, predictor)
    answers = [(case, assess(grade_map, predictor.card)) for case, grade_map in found]
    if arguments.list:
        for case, said in answers:
            print(json.dumps({**asdict(case), **asdict(said)}))
    report(answers)


if __name__ == "__main__":
    main()
