"""Print how often mixed micrographs are found, and uniform ones called mixed.

    python tests/benchmarks/homogeneity.py FOLDER [--count 300] [--weights FILE] [--first 0]

Micrograph i of the set depends on i alone: every third is uniform, the others are spliced from pictures of two
grades (halves, quadrants, bands, patches) or from strips of many (gradients), 2 to 4 G apart, the smaller part
10 to 50 % of the area. Their grade maps are kept in FOLDER, one small file each, so that a second run with the
same weights takes seconds. The first takes about two seconds a micrograph on a free core.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gdest import homogeneity as rule
from gdest.commands.weights import load_weights
from gdest.pipeline import predict_grade_map
from gdest.predict import NetworkPredictor
from gdest.records import GradeMap, ModelCard, TileGrid
from gdest.settings import GradeSettings
from gdest.synth.dataset import make_micrograph

ROWS, COLS = 960, 1280
KINDS = ("uniform", "halves", "uniform", "bands", "patch", "uniform", "quadrants", "gradient", "uniform", "patch")
KINDS += ("halves", "uniform", "bands", "gradient", "uniform", "patch", "quadrants")
STRIPS = 8


@dataclass(frozen=True)
class Case:
    """Say what one micrograph of the set shows."""

    kind: str
    coarse: float
    fine: float
    area: float


def draw(rng: np.random.Generator, case: Case, upright: bool) -> np.ndarray:
    """Return the picture of a case, grey (rows, cols)."""

    def steel(g: float, rows: int = ROWS, cols: int = COLS) -> np.ndarray:
        return make_micrograph(rng, g, rows, cols, 1.0).pixels

    if case.kind == "uniform":
        return steel(case.coarse)
    if case.kind == "gradient":
        grades = np.linspace(case.coarse, case.fine, STRIPS)
        strips = [steel(g, ROWS, COLS // STRIPS) if upright else steel(g, ROWS // STRIPS, COLS) for g in grades]
        return np.concatenate(strips, axis=1 if upright else 0)
    part = mask(rng, case, upright)
    first, second = steel(case.coarse), steel(case.fine)
    if rng.random() < 0.5:
        first, second = second, first
    return np.where(part, first, second)


def mask(rng: np.random.Generator, case: Case, upright: bool) -> np.ndarray:
    """Return which pixels belong to the smaller part, (rows, cols)."""
    part = np.zeros((ROWS, COLS), bool)
    along = part.T if upright else part
    length = along.shape[0]
    if case.kind == "halves":
        along[: round(case.area * length)] = True
    elif case.kind == "bands":
        count = 1 if case.area < 0.4 else 2
        for start in (np.arange(count) + rng.uniform(0.1, 0.4)) / count * length:
            along[int(start) : int(start + case.area / count * length)] = True
    elif case.kind == "quadrants":
        part[: ROWS // 2, : COLS // 2] = True
        if case.area > 0.3:
            part[ROWS // 2 :, COLS // 2 :] = True
    else:
        side = np.sqrt(case.area * ROWS * COLS)
        rows, cols = round(side * rng.uniform(0.8, 1.0)), round(side)
        top, left = rng.integers(0, ROWS - rows), rng.integers(0, COLS - cols)
        part[top : top + rows, left : left + cols] = True
    return part


def case_of(rng: np.random.Generator, index: int) -> Case:
    """Return what micrograph `index` shows."""
    kind = KINDS[index % len(KINDS)]
    if kind == "uniform":
        g = 3.0 + (index * 7 % 20) * 0.5
        return Case(kind, g, g, 0.0)
    contrast = rng.uniform(2.0, 4.0)
    coarse = rng.uniform(3.0, 12.5 - contrast)
    area = {"halves": rng.uniform(0.25, 0.5), "bands": rng.uniform(0.25, 0.5)}.get(kind, rng.uniform(0.1, 0.35))
    return Case(kind, coarse, coarse + contrast, area)


def grade_map(index: int, predictor: NetworkPredictor, folder: Path) -> tuple[Case, GradeMap]:
    """Return a case and its grade map, computed once and kept."""
    rng = np.random.default_rng([6600, index])
    case, upright = case_of(rng, index), bool(rng.random() < 0.5)
    path = folder / f"{predictor.sha256[:12]}-{index:04d}.npz"
    if not path.is_file():
        found = predict_grade_map(draw(rng, case, upright), predictor, 224)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, g=found.g_seen, tops=found.grid.tops, lefts=found.grid.lefts, zoom=found.zoom)
    with np.load(path) as kept:
        grid = TileGrid(tuple(map(int, kept["tops"])), tuple(map(int, kept["lefts"])), predictor.card.tile_px)
        return case, GradeMap(kept["g"], grid, float(kept["zoom"]), kept["g"].size)


def verdict(found: GradeMap, card: ModelCard) -> str:
    """Return what gdest says of the homogeneity."""
    return rule.assess(found, card).verdict


def report(cases: list[tuple[Case, str]]) -> None:
    """Print false alarms per whole G, detections per kind, and the suggested types."""
    uniform = [(case, said) for case, said in cases if case.kind == "uniform"]
    for g in sorted({int(case.coarse) for case, _ in uniform}):
        said = [said for case, said in uniform if int(case.coarse) == g]
        print(f"uniform G {g}: {sum(s.startswith('duplex') for s in said)} false alarms of {len(said)}")
    alarms = sum(said.startswith("duplex") for _, said in uniform)
    print(f"uniform, all: {alarms} false alarms of {len(uniform)} ({alarms / max(len(uniform), 1):.1%})")
    for kind in dict.fromkeys(KINDS):
        said = Counter(said for case, said in cases if case.kind == kind)
        print(f"{kind}: {dict(said)}")
    mixed = [said for case, said in cases if case.kind != "uniform"]
    found = sum(said.startswith("duplex") for said in mixed)
    print(f"mixed, all: {found} found of {len(mixed)} ({found / max(len(mixed), 1):.1%})")


def main() -> None:
    """Read the arguments, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()
    predictor = NetworkPredictor(load_weights(arguments.weights), GradeSettings())
    cases = []
    for index in range(arguments.first, arguments.first + arguments.count):
        case, found = grade_map(index, predictor, arguments.folder)
        cases.append((case, verdict(found, predictor.card)))
    report(cases)


if __name__ == "__main__":
    main()
