"""Print how often mixed micrographs are found, uniform ones called mixed, and which types are suggested.

    python tests/benchmarks/homogeneity.py FOLDER [--seed 2] [--uniform 168] [--mixed 170] [--grains 0] [--weights FILE]

A set is `--uniform` drawn micrographs, evenly spread over G 2.5 to 12.5, `--mixed` ones spliced from these (turned by
half turns): halves, quadrants, bands, patches, blocks of many grades, gradients of eight strips; 2 to 4 G apart by
their counted grains, the smaller part 10 to 50 % of the area; and `--grains` ones in which two sizes, 3.6 to 5 G apart,
lie mixed grain by grain: bimodal, isolated coarse grains, necklaces, a wide range (E1181). Three opinions are printed:
of the tiles, of the counted grains, and what the column `homogeneity` says. Rules are tuned on `--seed 1` and measured
on others. Pictures and answers are kept in FOLDER: drawing takes about 2.5 s of a core each, grading and counting 2 s.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from mixed_fields import Bank, Case, draw_uniform, mixed_by_grains, spliced
from PIL import Image

from gdest.cli.run_info import load_weights
from gdest.core import BoundaryField, GradeMap, GradeSettings, ImageFile, Micrograph
from gdest.grading import boundary_fields, count_grains
from gdest.grading.homogeneity import Assessment, assess, joined_opinions
from gdest.grading.pipeline import grade_map_of
from gdest.model import NetworkPredictor
from gdest.reading import read_micrographs

OPINIONS = ("tiles", "grains", "homogeneity")


def drawn_set(folder: Path, arguments: argparse.Namespace) -> list[tuple[Case, Path]]:
    """Return every case of a set with its picture, drawing what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder, arguments.seed, index) for index in range(arguments.uniform)]
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(draw_uniform, jobs))
    bank = Bank(folder, arguments.uniform)
    cases = []
    for index, g in enumerate(bank.g):
        cases.append((Case(f"uniform-{index:04d}", "uniform", float(g), float(g), 0.0, "uniform"), bank.paths[index]))
    made = [(spliced, arguments.mixed), (mixed_by_grains, arguments.grains)]
    for draw, count in made:
        for index in range(count):
            case, pixels = draw(bank, arguments.seed, index)
            path = folder / f"{arguments.uniform}-{case.name}.png"
            Image.fromarray(pixels).save(path, compress_level=1)
            cases.append((case, path))
    return cases


def seen_of(path: Path, predictor: NetworkPredictor, settings: GradeSettings) -> tuple[GradeMap, list[BoundaryField]]:
    """Return what the network sees of a picture, computed once for the same weights and kept: rules may change."""
    kept = path.with_suffix(f".{predictor.sha256[:12]}.pickle")
    if not kept.is_file():
        (micrograph,) = read_micrographs(ImageFile(path, path.name), settings)
        assert isinstance(micrograph, Micrograph), micrograph
        grade_map = grade_map_of(micrograph, predictor, settings.stride_px)
        fields = boundary_fields(micrograph, predictor, settings, grade_map)
        kept.write_bytes(pickle.dumps((replace(grade_map, boundaries=(), boundaries_at_half=()), fields)))
    seen: tuple[GradeMap, list[BoundaryField]] = pickle.loads(kept.read_bytes())  # its own file
    return seen


def opinions_of(path: Path, predictor: NetworkPredictor, settings: GradeSettings) -> dict[str, str]:
    """Return what is said of a picture by each opinion, and why."""
    grade_map, fields = seen_of(path, predictor, settings)
    tiles, count = assess(grade_map, predictor.card), count_grains(fields, predictor.card)
    grains = Assessment(count.homogeneity or "unknown", count.homogeneity_note or count.note)
    together = joined_opinions(tiles, grains)
    said = {name: one.verdict for name, one in zip(OPINIONS, (tiles, grains, together), strict=True)}
    return said | {"tiles_note": tiles.note, "grains_note": grains.note}


def print_alarms(answers: list[tuple[Case, str]]) -> None:
    """Print false alarms of uniform micrographs per whole G."""
    uniform = [(round(case.coarse), said.startswith("duplex")) for case, said in answers if not case.is_mixed]
    for g in sorted({g for g, _ in uniform}):
        alarms = [alarm for each, alarm in uniform if each == g]
        if any(alarms):
            print(f"uniform G {g}: {sum(alarms)} false alarms of {len(alarms)}")
    alarms = [alarm for _, alarm in uniform]
    print(f"uniform, all: {sum(alarms)} false alarms of {len(alarms)} ({np.mean(alarms):.1%})")
    told = [said == "uniform" for case, said in answers if not case.is_mixed]
    print(f"uniform, called so: {sum(told)} of {len(told)}\n")


def print_mixed(title: str, mixed: list[tuple[Case, str]]) -> None:
    """Print detections per kind, and the table of types."""
    if not mixed:
        return
    for kind in dict.fromkeys(case.kind for case, _ in mixed):
        found = [said.startswith("duplex") for case, said in mixed if case.kind == kind]
        print(f"{kind}: {sum(found)} found of {len(found)}")
    found = [said.startswith("duplex") for _, said in mixed]
    print(f"{title}: {sum(found)} found of {len(found)} ({np.mean(found):.1%})\n")
    table = Counter((case.kind_due, said.removeprefix("duplex:")) for case, said in mixed)
    said_types = sorted({said for _, said in table})
    print("due \\ said".ljust(20), *(said.rjust(19) for said in said_types))
    for due in sorted({due for due, _ in table}):
        print(due.ljust(20), *(str(table[due, said]).rjust(19) for said in said_types))
    right = sum(count for (due, said), count in table.items() if due == said)
    print(f"types: {right} right of {len(mixed)} ({right / len(mixed):.1%}), of those found {right / sum(found):.1%}\n")


def main() -> None:
    """Read the arguments, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--uniform", type=int, default=168)
    parser.add_argument("--mixed", type=int, default=170)
    parser.add_argument("--grains", type=int, default=0)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="print every micrograph with what is said of it")
    arguments = parser.parse_args()
    settings = GradeSettings(count=True)
    predictor = NetworkPredictor(load_weights(arguments.weights), settings)
    cases = drawn_set(arguments.folder / f"seed-{arguments.seed}", arguments)
    said = {path: opinions_of(path, predictor, settings) for _, path in cases}
    if arguments.list:
        for case, path in cases:
            print(json.dumps({**asdict(case), **said[path]}))
    for opinion in OPINIONS:
        print(f"== {opinion} ==\n")
        answers = [(case, said[path][opinion]) for case, path in cases]
        print_alarms(answers)
        mixed = [(case, answer) for case, answer in answers if case.is_mixed]
        print_mixed("mixed by region", [one for one in mixed if not one[0].by_grains])
        print_mixed("mixed grain by grain", [one for one in mixed if one[0].by_grains])


if __name__ == "__main__":
    main()
