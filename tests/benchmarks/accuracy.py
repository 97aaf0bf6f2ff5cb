"""Print the table of accuracy and of refusals: synthetic steel, real steel at several sizes, what is no micrograph.

    python tests/benchmarks/accuracy.py MICROGRAPHS [--work FOLDER] [--weights FILE]

MICROGRAPHS is a folder of real fields with a `truth.csv` of file,um_per_px,g (no g: must come out as
review); it is not part of this repository. The 200 synthetic micrographs and the 200 pictures that are
no micrograph are made in FOLDER on the first run. Takes about ten minutes on two CPU cores.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from materials import rows_of_truth
from non_micrographs import write_non_micrographs
from PIL import Image

from gdest.core.files import image_files
from gdest.core.records import Graded, ImageFile
from gdest.core.settings import GradeSettings
from gdest.grading.pipeline import grade_micrographs
from gdest.model import network
from gdest.model.network import LoadedModel
from gdest.model.predictor import NetworkPredictor
from gdest.model.weights_file import weights_path
from gdest.reading.micrograph import grey_8_bit
from gdest.synth.dataset import write_dataset, write_tiff
from gdest.synth.settings import SynthSettings
from gdest.training.labels import Labelled, read_labels
from gdest.training.measuring import Measured, errors_of, measure, measure_with

SYNTHETIC = SynthSettings(count=200, seed=1000, g_min=2.5, g_max=13.0, rows=960, cols=1280, workers=2)
REDUCED_SET, REDUCED = "316L", (0.7, 0.5, 0.35, 0.25)
MOST_OF_316L = 0.22
"""MAE in G, asked at every size."""


@dataclass(frozen=True)
class Line:
    """Hold one line of the table: a set, what was asked of it, what was found."""

    name: str
    asked: str
    found: str
    reached: bool | None


def folder_of(item: Labelled) -> str:
    """Return the subfolder a micrograph lies in."""
    return item.file.name.rpartition("/")[0]


def review_share(measured: Sequence[Measured]) -> float:
    """Return the share of micrographs that a person should look at."""
    return float(np.mean([one.row.status == "review" for one in measured]))


def figures(measured: Sequence[Measured]) -> str:
    """Return the errors of a set in one phrase."""
    errors = errors_of(measured)
    review = review_share(measured)
    return (
        f"n {errors.count}, MAE {errors.mae:.3f}, bias {errors.bias:+.3f}, within 0.5 {errors.within_half:.1%}, "
        f"coverage {errors.coverage:.1%}, review {review:.1%}"
    )


def synthetic_lines(measured: Sequence[Measured]) -> list[Line]:
    """Judge the synthetic set: overall, its bias in three ranges of G, those that do not go to review, coverage."""
    errors = errors_of(measured)
    lines = [
        Line(
            "synthetic",
            "MAE <= 0.15, >= 97 % within 0.5, review <= 5 %",
            figures(measured),
            errors.mae <= 0.15 and errors.within_half >= 0.97 and review_share(measured) <= 0.05,
        )
    ]
    for name, low, high in (("G < 5", -9.0, 5.0), ("G 5-9", 5.0, 9.0), ("G > 9", 9.0, 99.0)):
        part = [one for one in measured if low <= one.item.g < high]
        bias = errors_of(part).bias
        lines.append(Line(f"synthetic, {name}", "abs(bias) <= 0.1", figures(part), abs(bias) <= 0.1))
    graded = [one for one in measured if one.row.status == "graded"]
    lines.append(Line("synthetic, graded", "", figures(graded), None))
    covered = 0.9 <= errors.coverage <= 0.99
    return [*lines, Line("synthetic, interval", "coverage 90-99 %", f"{errors.coverage:.1%}", covered)]


def real_lines(groups: dict[str, list[Measured]]) -> list[Line]:
    """Judge the folders of real fields that have a truth."""

    def bias(name: str) -> float:
        return errors_of(groups[name]).bias

    worst_iron = max(abs(one.error) for one in groups["pure-iron"])
    between = abs(np.mean([m.g for m in groups["304-200"]]) - np.mean([m.g for m in groups["304-500"]]))
    errors = errors_of(groups["316L"])
    return [
        Line(
            "pure iron", "each within 0.2", f"worst {worst_iron:.2f}; {figures(groups['pure-iron'])}", worst_iron <= 0.2
        ),
        Line("SUS304 200x", "mean within 0.2", figures(groups["304-200"]), abs(bias("304-200")) <= 0.2),
        Line("SUS304 500x", "mean within 0.2", figures(groups["304-500"]), abs(bias("304-500")) <= 0.2),
        Line("SUS304, between the two", "within 0.15", f"{between:.2f}", between <= 0.15),
        Line("1-200", "mean within 0.2", figures(groups["1-200"]), abs(bias("1-200")) <= 0.2),
        Line("316L", f"MAE <= {MOST_OF_316L}", figures(groups["316L"]), errors.mae <= MOST_OF_316L),
    ]


def reduced(items: Sequence[Labelled], zoom: float, folder: Path) -> list[Labelled]:
    """Write the fields at a smaller size and return them, each with its own pixel size; G does not move."""
    written = []
    for item in items:
        assert item.um_per_px is not None
        with Image.open(item.file.path) as image:
            grey = Image.fromarray(grey_8_bit(np.asarray(image)))
        size = (round(grey.width * zoom), round(grey.height * zoom))
        path = folder / f"{Path(item.file.name).stem}-{zoom}.tif"
        write_tiff(path, np.asarray(grey.resize(size, Image.Resampling.BOX)), item.um_per_px / zoom)
        written.append(replace(item, file=ImageFile(path, path.name), um_per_px=item.um_per_px / zoom))
    return written


def reduced_lines(model: LoadedModel, items: Sequence[Labelled], settings: GradeSettings, folder: Path) -> list[Line]:
    """Judge the 316L fields at four smaller sizes."""
    lines = []
    for zoom in REDUCED:
        measured = measure(model, reduced(items, zoom, folder), settings)
        reached = errors_of(measured).mae <= MOST_OF_316L
        lines.append(Line(f"{REDUCED_SET} reduced to {zoom}", f"MAE <= {MOST_OF_316L}", figures(measured), reached))
    return lines


def statuses(model: LoadedModel, files: Sequence[ImageFile], settings: GradeSettings) -> list[str]:
    """Return the status of each file, `failed` for those without a number."""
    rows = grade_micrographs(files, NetworkPredictor(model, settings), settings)
    return [row.status if isinstance(row, Graded) else "failed" for row in rows]


def refusal_lines(model: LoadedModel, folder: Path, untrue: Sequence[Labelled], settings: GradeSettings) -> list[Line]:
    """Judge what must not come out as graded: what is no micrograph, and real fields that have no truth."""
    files = image_files([folder])
    found = statuses(model, files, settings)
    kinds = sorted({file.name.split("-")[0] for file in files})
    graded = {
        kind: [s == "graded" for s, f in zip(found, files, strict=True) if f.name.startswith(kind)] for kind in kinds
    }
    shares = ", ".join(f"{kind} {np.mean(graded[kind]):.0%} of {len(graded[kind])}" for kind in kinds)
    refused = 1.0 - np.mean([status == "graded" for status in found])
    there = [f"{folder_of(one.item)} {one.row.status}" for one in measure(model, untrue, settings)]
    return [
        Line(
            "no micrographs",
            ">= 95 % not graded",
            f"{refused:.1%} not graded (graded: {shares})",
            bool(refused >= 0.95),
        ),
        Line("fields without a truth", "435Q, SUJ2QT: review", ", ".join(there), None),
    ]


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "gdest-accuracy"))
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    synthetic, strange = options.work / "synthetic", options.work / "non_micrographs"
    if not (synthetic / "labels.csv").exists():
        list(write_dataset(synthetic, SYNTHETIC))
    if not strange.exists():
        unfinished = strange.with_suffix(".part")  # an interrupted run must not leave a smaller set
        write_non_micrographs(unfinished)
        unfinished.rename(strange)
    settings, model = GradeSettings(count=True), network.load_model(weights_path(options.weights))
    predictor = NetworkPredictor(model, settings)
    lines = synthetic_lines(measure_with(predictor, read_labels(synthetic, None), settings))
    items = read_labels(options.micrographs / "truth.csv", None)
    groups: dict[str, list[Measured]] = {}
    for one in measure(model, items, settings):
        groups.setdefault(folder_of(one.item), []).append(one)
    lines += real_lines(groups)
    with tempfile.TemporaryDirectory() as folder:
        of_set = [item for item in items if folder_of(item) == REDUCED_SET]
        lines += reduced_lines(model, of_set, settings, Path(folder))
    real = [one for group in groups.values() for one in group]
    review = float(np.mean([one.row.status == "review" for one in real]))
    lines.append(Line("real fields with a truth", "<= 5 % review", f"{review:.1%}", review <= 0.05))
    lines += refusal_lines(model, strange, without_truth(options.micrographs), settings)
    print(f"{model.name} {model.sha256[:12]}\n\n| set | asked | found | reached |\n|---|---|---|---|")
    for line in lines:
        print(f"| {line.name} | {line.asked} | {line.found} | {({True: 'yes', False: 'no', None: ''})[line.reached]} |")


def without_truth(micrographs: Path) -> list[Labelled]:
    """Return the fields that have a pixel size but no G."""
    rows = [row for row in rows_of_truth(micrographs) if row["um_per_px"] and not row["g"]]
    return [
        Labelled(ImageFile(micrographs / row["file"], row["file"]), 0.0, float(row["um_per_px"]), row["file"], None)
        for row in rows
    ]


if __name__ == "__main__":
    main()
