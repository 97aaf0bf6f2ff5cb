"""Print how weights read real steel: each material by itself, then means in which each material counts once.

    python tests/benchmarks/real_steel.py MICROGRAPHS [--weights FILE]... [--history]

MICROGRAPHS is a folder of real fields with a `truth.csv` of file,um_per_px,g (no g: must not come out as graded); it
is not part of this repository. `--history` measures the weights of every commit that changed the bundled ones.
Materials that may have trained or calibrated the weights are marked with a star; the means are over the others. By
these figures weights are chosen. Takes five minutes for each weights file on two CPU cores.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from materials import (
    HEADER,
    MIT,
    WITH_LINES,
    Summary,
    count_of,
    estimate_of,
    graded_share,
    mean_over,
    measured_fields,
    predictor_of,
    rows_of_truth,
    summary_of,
)

from gdest.core import Failed, GradeSettings, ImageFile
from gdest.grading import grade_micrographs
from gdest.model import weights_path

BUNDLED = "weights/austenite-resnet18.safetensors"


def history(folder: Path) -> list[Path]:
    """Write the bundled weights of each commit that changed them, oldest first, and return their paths."""
    commits = subprocess.run(["git", "log", "--reverse", "--format=%h", "--", BUNDLED], capture_output=True, check=True)
    paths = []
    for commit in commits.stdout.decode().split():
        found = subprocess.run(["git", "show", f"{commit}:{BUNDLED}"], capture_output=True, check=True)
        paths.append(folder / f"{commit}.safetensors")
        paths[-1].write_bytes(found.stdout)
    return paths


def print_lines(title: str, lines: dict[str, Summary]) -> None:
    """Print one table: a line per material, then the means over materials."""
    print(f"\n{title}\n\n| material | {HEADER} |\n|---|{'---|' * 8}")
    for name, line in lines.items():
        print(f"| {name}{'*' if name in MIT else ''} | {line.cells()} |")
    print(f"| with lines, mean | {mean_over([lines[name] for name in WITH_LINES if name in lines]).cells()} |")
    others = [line for name, line in lines.items() if name not in MIT]
    print(f"| not calibrated on, mean | {mean_over(others).cells()} |")
    print(f"| all, mean | {mean_over(list(lines.values())).cells()} |", flush=True)


def measure_weights(weights: Path, micrographs: Path) -> None:
    """Print the tables of one weights file: the estimate, the count where it has one, what must not be graded."""
    settings = GradeSettings(count=True)
    predictor = predictor_of(weights, settings)
    groups = measured_fields(micrographs, predictor, settings)
    print_lines(f"## {weights.stem}: estimate", {n: summary_of(map(estimate_of, g)) for n, g in groups.items()})
    if predictor.card.boundaries:
        print_lines(f"## {weights.stem}: count", {n: summary_of(map(count_of, g)) for n, g in groups.items()})
    untrue = [row["file"] for row in rows_of_truth(micrographs) if not row["g"] and "scale-bar" not in row["file"]]
    rows = list(grade_micrographs([ImageFile(micrographs / name, name) for name in untrue], predictor, settings))
    # without a pixel size a field is uncalibrated: it would have been graded where nothing else speaks against it
    doubts = [2 if isinstance(row, Failed) else row.reason.count(";") - 1 for row in rows]
    of_one = f"{doubts.count(0)} of {len(rows)} without a doubt, {doubts.count(1)} with one only"
    print(f"\nmust not be graded: {graded_share(rows):.0%} graded, {of_one}")


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("--weights", type=Path, action="append")
    parser.add_argument("--history", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = history(Path(folder)) if options.history else options.weights or [weights_path(None)]
        for weights in files:
            measure_weights(weights, options.micrographs)


if __name__ == "__main__":
    main()
