"""Write folders of synthetic micrographs with their labels."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from gdest.core import SettingsError, grain_size
from gdest.synth import etching, optics, tessellation
from gdest.synth.label_maps import true_g
from gdest.synth.settings import SynthSettings

LABEL_COLUMNS = ("file", "g", "um_per_px", "specimen", "label_map")
UM_PER_CM = 1e4
GRADE_TOLERANCE = 0.25
"""Half of the half grade to which a metallographer rates."""

MOST_DRAWS = 40
"""After so many pictures of which none shows the grade, the picture is too small to show it."""


@dataclass(frozen=True)
class Synthetic:
    """Hold one synthetic micrograph: grey pixels and label map, both (rows, cols), and the G that was counted on it."""

    pixels: NDArray[np.uint8]
    labels: tessellation.Labels
    g: float
    um_per_px: float


def make_micrograph(rng: np.random.Generator, g: float, rows: int, cols: int, um_per_px: float) -> Synthetic:
    """Draw one micrograph of about the wanted G; its `g` is counted on the grains that can be seen."""
    grains_per_px = float(grain_size.grains_per_mm2(g)) * (um_per_px * 1e-3) ** 2
    labels = tessellation.section(rng, rows, cols, grains_per_px, tessellation.random_shape(rng))
    etched = etching.etch(rng, labels)
    pixels = optics.to_8_bit(rng, etched.image)
    return Synthetic(pixels, etched.seen, true_g(etched.seen, um_per_px), um_per_px)


def write_tiff(path: Path, pixels: NDArray[np.uint8], um_per_px: float, compression: str | None = None) -> None:
    """Write grey or RGB pixels as TIFF with the pixel size in the resolution tags."""
    px_per_cm = UM_PER_CM / um_per_px
    tifffile.imwrite(
        path,
        pixels,
        photometric="rgb" if pixels.ndim == 3 else "minisblack",
        resolution=(px_per_cm, px_per_cm),
        resolutionunit="CENTIMETER",
        compression=compression,
        predictor=compression is not None,
    )


def write_dataset(out: Path, settings: SynthSettings) -> Iterator[dict[str, str]]:
    """Write `settings.count` micrographs and `labels.csv` to a folder; yield each row when it is done.

    Micrograph i depends on (seed, i) alone, whatever the number of worker processes. With `settings.grades` each
    grade has a folder, the folders are filled by turns, and the label is the grade. The counted G stands in
    `g_counted` and lies within 0.25 of the label, as where a metallographer rates to half grades.
    """
    folders = [folder_of(g) for g in settings.grades] or [""]
    for folder in folders:
        (out / "label_maps" / folder if settings.label_maps else out / folder).mkdir(parents=True, exist_ok=True)
        (out / folder).mkdir(exist_ok=True)
    jobs = [(out, settings, index) for index in range(settings.count)]
    with open(out / "labels.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*LABEL_COLUMNS, "g_counted"] if settings.grades else LABEL_COLUMNS)
        writer.writeheader()
        if settings.workers <= 1:
            rows = map(_write_one, jobs)
            yield from _written(writer, rows)
            return
        with ProcessPoolExecutor(settings.workers, mp_context=get_context("spawn")) as pool:
            yield from _written(writer, pool.map(_write_one, jobs, chunksize=2))


def _written(writer: csv.DictWriter[str], rows: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    for row in rows:
        writer.writerow(row)
        yield row


def _write_one(job: tuple[Path, SynthSettings, int]) -> dict[str, str]:
    out, settings, index = job
    rng = np.random.default_rng([settings.seed, index])
    grade = settings.grades[index % len(settings.grades)] if settings.grades else None
    if grade is None:
        g = float(rng.uniform(settings.g_min, settings.g_max))
        made = make_micrograph(rng, g, settings.rows, settings.cols, settings.um_per_px)
    else:
        made = _of_grade(rng, grade, settings)
    folder = "" if grade is None else f"{folder_of(grade)}/"
    name = f"synth-{settings.seed}-{index:05d}"
    write_tiff(out / f"{folder}{name}.tif", made.pixels, made.um_per_px)
    label_map = ""
    if settings.label_maps:
        label_map = f"label_maps/{folder}{name}.tif"
        tifffile.imwrite(out / label_map, made.labels.astype(np.uint32), compression="zlib")
    row = {
        "file": f"{folder}{name}.tif",
        "g": f"{made.g if grade is None else grade:.4f}",
        "um_per_px": f"{made.um_per_px:g}",
        "specimen": name,
        "label_map": label_map,
    }
    return row if grade is None else {**row, "g_counted": f"{made.g:.4f}"}


def _of_grade(rng: np.random.Generator, grade: float, settings: SynthSettings) -> Synthetic:
    for _ in range(MOST_DRAWS):
        made = make_micrograph(rng, grade, settings.rows, settings.cols, settings.um_per_px)
        if abs(made.g - grade) <= GRADE_TOLERANCE:
            return made
    raise SettingsError(f"A picture of {settings.cols}x{settings.rows} px is too small to show G {grade:g}.")


def folder_of(grade: float) -> str:
    """Return the name of a grade's folder, such as 4.0."""
    return f"{grade:.1f}" if round(grade, 1) == grade else f"{grade:g}"
