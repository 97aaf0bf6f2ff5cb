"""Print how far engines and precisions move G: the largest change of a single field, not only the mean.

    python tests/benchmarks/engines.py MICROGRAPHS [--work FOLDER] [--count 200] [--weights FILE] [--only NAME]...

MICROGRAPHS is a folder of real fields with a `truth.csv` of file,um_per_px; it is not part of this repository. Where
the table has no pixel size, a pixel counts as 1 um: only changes are looked at. The synthetic fields are drawn in
FOLDER on the first run, and FOLDER/engines.csv keeps what was answered, so that a run that was stopped goes on. All
engines that work here are compared with PyTorch in float32 on the CPU. Takes some fifteen seconds a field on two CPU
cores.
"""

from __future__ import annotations

import argparse
import copy
import csv
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from materials import rows_of_truth

from gdest.core import CalibrationSettings, Graded, GradeSettings, ImageFile, PixelSizeRule
from gdest.grading import grade_micrographs
from gdest.model import LoadedModel, NetworkPredictor, load_model, to_device, weights_path
from gdest.model.devices import openvino_is_installed
from gdest.model.openvino_engine import OpenVinoEngine
from gdest.model.torch_engine import TorchEngine
from gdest.synth import SynthSettings, write_dataset

SYNTHETIC = SynthSettings(seed=2700, g_min=1.5, g_max=13.3, rows=600, cols=800, workers=2)
BASELINE = "torch fp32"
AT_ONCE = 8
"""Fields that all engines answer before the next ones, so that a run that is stopped has compared whole fields."""

MOST_G = 0.03
"""An engine that moves a single field's estimate by more is not the default."""


class Answer(NamedTuple):
    """Hold what one engine says of one field; G is empty text where there is none."""

    engine: str
    file: str
    g: str
    g_counted: str
    status: str


def engines(model: LoadedModel, only: Sequence[str]) -> Iterator[tuple[str, NetworkPredictor]]:
    """Yield the engines that work here, with boundaries, by their names; the baseline first."""
    cpu = torch.device("cpu")
    settings = GradeSettings(device="cpu", count=True)
    made = {
        BASELINE: lambda: TorchEngine(to_device(model.network, cpu), cpu, bf16=False, boundaries=True),
        "torch bf16": lambda: TorchEngine(to_device(model.network, cpu), cpu, bf16=True, boundaries=True),
    }
    if openvino_is_installed():
        for name, precision in (("fp32", {}), ("bf16", {"bf16": True}), ("int8", {"int8": True})):
            options = {"bf16": False, "sha256": model.sha256, "boundaries": True, **precision}
            made[f"openvino {name}"] = lambda options=options: OpenVinoEngine(model.network, model.card, **options)
    for name, make in made.items():
        if only and name not in (BASELINE, *only):
            continue
        predictor = NetworkPredictor(model, settings)
        predictor.engine = make()
        yield name, predictor
    if torch.cuda.is_available():
        network = to_device(copy.deepcopy(model.network), torch.device("cuda"))
        for name, bf16 in (("cuda fp32", False), ("cuda bf16", True)):
            predictor = NetworkPredictor(model, settings)
            predictor.engine = TorchEngine(network, torch.device("cuda"), bf16=bf16, boundaries=True)
            yield name, predictor


def real_fields(folder: Path) -> dict[str, tuple[Path, float]]:
    """Return path and pixel size of each field in `truth.csv`, 1 um where it is not known."""
    return {
        f"real/{row['file']}": (folder / row["file"], float(row["um_per_px"] or 1)) for row in rows_of_truth(folder)
    }


def synthetic_fields(folder: Path, count: int) -> dict[str, tuple[Path, float]]:
    """Return path and pixel size of drawn fields, which are made where they are missing."""
    if not (folder / "labels.csv").exists():
        list(write_dataset(folder, replace(SYNTHETIC, count=count)))
    with open(folder / "labels.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {f"synthetic/{row['file']}": (folder / row["file"], float(row["um_per_px"])) for row in rows}


def answers(
    name: str, predictor: NetworkPredictor, fields: dict[str, tuple[Path, float]], some: Sequence[str]
) -> Iterator[Answer]:
    """Yield what an engine says of some fields."""
    rules = tuple(PixelSizeRule(_literal(file), fields[file][1], trust=True) for file in some)
    settings = GradeSettings(CalibrationSettings(rules=rules), count=True)
    for row in grade_micrographs([ImageFile(fields[file][0], file) for file in some], predictor, settings):
        if isinstance(row, Graded) and row.statistics is not None and row.count is not None:
            yield Answer(name, row.micrograph.file.name, repr(row.statistics.g), repr(row.count.g), row.status)


def _literal(file: str) -> str:
    return file.replace("[", "[[]")


def read_answers(path: Path) -> list[Answer]:
    """Return what was answered before."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [Answer(*row) for row in csv.reader(file)]


def answer_all(model: LoadedModel, fields: dict[str, tuple[Path, float]], kept: Path, only: Sequence[str]) -> None:
    """Ask every engine for each field that `kept` does not hold yet, some fields at a time."""
    known = {(one.engine, one.file) for one in read_answers(kept)}
    ready = list(engines(model, only))
    files = list(fields)
    with open(kept, "a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for start in range(0, len(files), AT_ONCE):
            for name, predictor in ready:
                some = [one for one in files[start : start + AT_ONCE] if (name, one) not in known]
                writer.writerows(answers(name, predictor, fields, some))
                file.flush()


def print_changes(found: Sequence[Answer], kind: str) -> None:
    """Print, for real or synthetic fields, how far each engine moves estimate and count from the baseline's."""
    by_engine: dict[str, dict[str, Answer]] = {}
    for one in found:
        if one.file.startswith(kind):
            by_engine.setdefault(one.engine, {})[one.file] = one
    base = by_engine.pop(BASELINE, {})
    head = "engine | fields | estimate: mean, 95 %, largest | count: mean, 95 %, largest | other status | largest on"
    print(f"\n{kind}\n\n| {head} |\n|---|---|---|---|---|---|")
    for name, there in by_engine.items():
        both = [file for file in there if file in base]
        cells = []
        for what in ("g", "g_counted"):
            moved = np.array([abs(float(getattr(there[f], what)) - float(getattr(base[f], what))) for f in both])
            moved = moved[np.isfinite(moved)]
            cells.append(f"{moved.mean():.4f}, {np.quantile(moved, 0.95):.3f}, {moved.max():.3f}" if len(moved) else "")
        status = sum(there[file].status != base[file].status for file in both)
        farthest = max(both, key=lambda file: abs(float(there[file].g) - float(base[file].g)), default="")
        beyond = sum(abs(float(there[file].g) - float(base[file].g)) > MOST_G for file in both)
        print(f"| {name} | {len(both)} | {' | '.join(cells)} | {status} | {farthest} ({beyond} beyond {MOST_G}) |")


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="such as 'openvino int8'")
    parser.add_argument("--only-print", action="store_true", help="print what FOLDER/engines.csv holds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        kept = work / "engines.csv"
        if not options.only_print:
            fields = real_fields(options.micrographs) | synthetic_fields(work / "synthetic", options.count)
            answer_all(load_model(weights_path(options.weights)), fields, kept, options.only)
        for kind in ("real", "synthetic"):
            print_changes(read_answers(kept), kind)


if __name__ == "__main__":
    main()
