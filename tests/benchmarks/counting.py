"""Print how well grains are counted: synthetic and real steel, boundaries against a drawing, and the cost.

    python tests/benchmarks/counting.py MICROGRAPHS [--work FOLDER] [--weights FILE] [--only synthetic,real,...]

MICROGRAPHS is a folder of real fields with a `truth.csv` of file,um_per_px,g; it is not part of this repository. The
synthetic fields are drawn in FOLDER on the first run. A limit is beside each figure. Takes about twenty minutes on two
CPU cores.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from materials import HEADER, Answer, count_of, estimate_of, measured_fields, predictor_of, summary_of
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from gdest.core import GradeSettings, ImageFile, Status, boundary_mask
from gdest.grading import Predictor, boundary_fields, grade_micrographs, grain_labels
from gdest.model import weights_path
from gdest.reading import read_micrographs
from gdest.synth import SynthSettings, write_dataset
from gdest.training.labels import read_labels
from gdest.training.measuring import Measured, measure_with

SYNTHETIC = SynthSettings(count=200, seed=2500, g_min=2.5, g_max=12.0, rows=960, cols=1280, workers=2)
WITHIN_PX = 3.0
"""A boundary is found where one is drawn this near, in px of the picture."""

BARS = {
    "pure-iron": 0.15,
    "316L": 0.25,
    "SUS304-200x": 0.3,
    "SUS304-500x": 0.3,
    "1-200": 0.25,
    "nist-steel": 0.25,
    "rogsoares-400x": 0.25,
    "scale-bar": 0.25,
    "austenite-ilic": 0.4,
}
"""Largest mean error of what is counted on each material, in G."""


def print_table(title: str, lines: dict[str, Sequence[Answer]], bars: dict[str, float]) -> None:
    """Print a line per set: its errors, and whether they stay below what was asked."""
    print(f"\n{title}\n\n| set | {HEADER} | MAE asked | reached |\n|---|{'---|' * 10}")
    for name, answers in lines.items():
        found, bar = summary_of(answers), bars.get(name)
        reached = "" if bar is None else "yes" if found.mae <= bar else "no"
        print(f"| {name} | {found.cells()} | {'' if bar is None else bar} | {reached} |", flush=True)


def measure_synthetic(predictor: Predictor, settings: GradeSettings, folder: Path) -> None:
    """Print the errors of 200 synthetic fields that nothing was trained on, by their family."""
    if not (folder / "labels.csv").exists():
        list(write_dataset(folder, SYNTHETIC))
    measured = measure_with(predictor, read_labels(folder, None), settings)
    families = dict(_column(folder / "labels.csv", "family"))
    by_family: dict[str, list[Measured]] = {}
    for one in measured:
        by_family.setdefault(families[one.item.file.name], []).append(one)
    for title, opinion in (("synthetic, counted", count_of), ("synthetic, estimated", estimate_of)):
        lines = {"synthetic": [opinion(one) for one in measured]}
        print_table(
            title, lines | {n: [opinion(one) for one in by_family[n]] for n in sorted(by_family)}, {"synthetic": 0.15}
        )


def _column(table: Path, name: str) -> list[tuple[str, str]]:
    with open(table, newline="", encoding="utf-8") as file:
        return [(row["file"], row[name]) for row in csv.DictReader(file)]


def measure_real(predictor: Predictor, settings: GradeSettings, micrographs: Path) -> None:
    """Print the errors of each real material, and how far the two magnifications of one steel lie apart."""
    groups = measured_fields(micrographs, predictor, settings)
    counted = {name: [count_of(one) for one in group] for name, group in groups.items()}
    print_table("real, counted", counted, BARS)
    print_table("real, estimated", {name: [estimate_of(one) for one in group] for name, group in groups.items()}, {})
    means = [np.nanmean([one.g for one in counted[name]]) for name in ("SUS304-200x", "SUS304-500x")]
    print(f"\nSUS304, between the two magnifications: {abs(means[0] - means[1]):.2f} (asked 0.15)")
    inside = [one.low <= one.truth <= one.high for name in BARS for one in counted[name] if np.isfinite(one.low)]
    print(f"95 % intervals that hold the truth: {np.mean(inside):.0%} of {len(inside)} with a limit (asked 85 %)")


def measure_boundaries(predictor: Predictor, settings: GradeSettings, micrographs: Path) -> None:
    """Print precision, recall and F1 of the closed grains' boundaries against those drawn by hand."""
    scores = []
    for drawing in sorted(micrographs.glob("316L/*_boundaries.png")):
        name = drawing.name.replace("_boundaries.png", ".jpg")
        for micrograph in read_micrographs(ImageFile(drawing.parent / name, name), settings):
            (field,) = boundary_fields(micrograph, predictor, settings)
            with Image.open(drawing) as image:
                drawn = np.asarray(image.convert("L").resize((micrograph.cols, micrograph.rows))) < 128
            if drawn.mean() > 0.5:
                drawn = ~drawn
            edges = Image.fromarray(boundary_mask(grain_labels(field)).astype(np.uint8))
            found = edges.resize(drawn.shape[::-1], Image.Resampling.NEAREST)
            scores.append(_scores(_thin(np.asarray(found) > 0), _thin(drawn)))
    precision, recall, f1 = np.mean(scores, axis=0)
    print(f"\n316L boundaries within {WITHIN_PX:g} px: precision {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f}")


def _thin(lines: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from skimage.morphology import skeletonize

    return np.asarray(skeletonize(np.array(lines)))


def _scores(found: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return precision, recall and F1 of thin lines (rows, cols)."""
    precision = float((ndimage.distance_transform_edt(~drawn)[found] <= WITHIN_PX).mean())
    recall = float((ndimage.distance_transform_edt(~found)[drawn] <= WITHIN_PX).mean())
    return precision, recall, 2.0 * precision * recall / max(precision + recall, 1e-9)


def measure_cost(weights: Path, folder: Path) -> None:
    """Print how much longer analysing takes with the count, three turns of each in one run."""
    files = [ImageFile(path, path.name) for path in sorted(folder.glob("*.tif"))[:24]]
    predictors = {count: predictor_of(weights, GradeSettings(count=count)) for count in (False, True)}
    took: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(3):
        for count, predictor in predictors.items():
            began = time.perf_counter()
            rows = list(grade_micrographs(files, predictor, GradeSettings(count=count)))
            took[count].append(time.perf_counter() - began)
            assert all(row.status != Status.FAILED for row in rows if hasattr(row, "status"))
    ratios = [with_count / without for with_count, without in zip(took[True], took[False], strict=True)]
    seconds = ", ".join(
        f"{min(took[count]) / len(files):.2f} s {word}" for count, word in ((False, "without"), (True, "with"))
    )
    print(f"\ncost: {np.median(ratios):.2f} times as long with the count (asked 1.6); a field takes {seconds}")


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "gdest-counting"))
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--only", default="real,boundaries,synthetic,cost")
    options = parser.parse_args()
    weights, settings, drawn = weights_path(options.weights), GradeSettings(count=True), options.work / "synthetic"
    predictor = predictor_of(weights, settings)
    parts: dict[str, Callable[[], None]] = {
        "real": lambda: measure_real(predictor, settings, options.micrographs),
        "boundaries": lambda: measure_boundaries(predictor, settings, options.micrographs),
        "synthetic": lambda: measure_synthetic(predictor, settings, drawn),
        "cost": lambda: measure_cost(weights, drawn),
    }
    print(f"{weights.stem} {predictor.sha256[:12]}")
    for name in options.only.split(","):
        parts[name]()


if __name__ == "__main__":
    main()
