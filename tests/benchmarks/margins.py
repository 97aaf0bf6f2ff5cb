"""Print which parts, sizes and tones of real pictures come out as graded: how far from luck gradeable and not lie.

    python tests/benchmarks/margins.py MICROGRAPHS [--weights FILE]

MICROGRAPHS is a folder of real fields with a `truth.csv`; it is not part of this repository. Each picture, reduced to
at most 1600 px, is graded as it is, in four parts, at three other sizes, inverted and turned by a right angle, with a
pixel size stated, so that only what is seen holds it back. Those without a `g`, and fields whose particles are counted
as grains, must not be graded; all others should be. Takes ten minutes on two CPU cores.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from materials import material_of, predictor_of, rows_of_truth
from numpy.typing import NDArray
from PIL import Image

from gdest.core import CalibrationSettings, Graded, GradeSettings, ImageFile, Status
from gdest.grading import Predictor, grade_micrographs
from gdest.model import weights_path

MOST_PX = 1600
LEAST_PX = 230
"""A picture of a tile and a little more."""

PARTED_PX = 520
"""From this shorter side on parts of two thirds of a picture are looked at, too."""

PARTICLES = ("mpunet-om", "mpunet-fesem")
SETTINGS = GradeSettings(CalibrationSettings(um_per_px=1.0), count=True)

Picture = NDArray[np.uint8]


def variants(picture: Picture) -> Iterator[tuple[str, Picture]]:
    """Yield a picture (rows, cols, 3) and what is made of it, by name."""
    rows, cols = picture.shape[:2]
    yield "whole", picture
    if min(rows, cols) >= PARTED_PX:
        for name, top, left in (("1st", 0, 0), ("2nd", 0, 1), ("3rd", 1, 0), ("4th", 1, 1)):
            down, across = top * rows // 3, left * cols // 3
            yield f"{name} part", picture[down : down + 2 * rows // 3, across : across + 2 * cols // 3]
    for zoom in (0.5, 0.7, 1.4):
        size = round(cols * zoom), round(rows * zoom)
        if min(size) >= LEAST_PX and max(size) <= MOST_PX * 1.4:
            yield f"{zoom}", np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
    yield "inverted", 255 - picture
    yield "turned", np.rot90(picture)


def read(path: Path) -> Picture:
    """Return a picture (rows, cols, 3), reduced to the most px."""
    with Image.open(path) as image:
        whole = image.convert("RGB")
    whole.thumbnail((MOST_PX, MOST_PX), Image.Resampling.LANCZOS)
    return np.asarray(whole)


def graded(path: Path, predictor: Predictor) -> dict[str, bool]:
    """Return by name which variants of a picture come out as graded."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, picture in variants(read(path)):
            file = Path(folder, f"{name}.png")
            Image.fromarray(np.ascontiguousarray(picture)).save(file, compress_level=1)
            files.append(ImageFile(file, file.stem))
        rows = list(grade_micrographs(files, predictor, SETTINGS))
    return {
        file.name: isinstance(row, Graded) and row.status == Status.GRADED
        for file, row in zip(files, rows, strict=True)
    }


def main() -> None:
    """Print each picture that comes out otherwise than it should, and the shares as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    predictor = predictor_of(weights_path(options.weights), SETTINGS)
    found: dict[str, list[bool]] = defaultdict(list)
    for row in rows_of_truth(options.micrographs):
        file, material = row["file"], material_of(row["file"])
        if material == "316L-scale-bar":  # gradeable, but nobody counted them
            continue
        kind = "particles" if material in PARTICLES else material if row["g"] else "not gradable"
        should = kind not in ("particles", "not gradable")
        answers = graded(options.micrographs / file, predictor)
        found[kind] += answers.values()
        if wrong := [name for name, is_graded in answers.items() if is_graded is not should]:
            print(f"{file}: {'not ' if should else ''}graded {', '.join(wrong)}", flush=True)
    print("\n| | variants | graded |\n|---|---|---|")
    for kind, ones in found.items():
        print(f"| {kind} | {len(ones)} | {sum(ones)} ({np.mean(ones):.0%}) |")


if __name__ == "__main__":
    main()
