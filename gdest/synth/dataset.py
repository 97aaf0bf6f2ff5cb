"""Write folders of synthetic micrographs with their labels."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

import numpy as np
import tifffile
from numpy.typing import NDArray

from gdest.core import DataError, SettingsError, as_output_error, grain_size
from gdest.synth import etching, optics, tessellation
from gdest.synth.label_maps import mean_diameter_px, true_g
from gdest.synth.recipe import OWN_STRENGTHS, WITHOUT_LINES, pick_family
from gdest.synth.settings import SynthSettings
from gdest.synth.treatments import treated
from gdest.synth.visibility import visible_grains

LABEL_COLUMNS = ("file", "g", "um_per_px", "specimen", "label_map")
DRAWN_COLUMNS = ("family", "drawn")
"""What the picture was drawn from; `drawn` is JSON."""

UM_PER_CM = 1e4
GRADE_TOLERANCE = 0.25
"""Half of the half grade to which a metallographer rates."""

MOST_DRAWS = 40
"""After so many pictures of which none shows the grade, the picture is too small to show it."""


SMALLEST_ENLARGED_PX = 14.0
"""A picture is drawn small and enlarged only where its grains keep this mean diameter in px before."""


@dataclass(frozen=True)
class Synthetic:
    """Hold one synthetic micrograph: grey pixels, label map and features, all (rows, cols), and the G counted on it.

    `features` (uint8) is 1 on the edges of twins that can be seen and 2 where a particle, pit or pore lies, else 0; a
    grain boundary hides a twin's edge, a particle hides both. `family` names the etch, and `drawn` holds the main
    random numbers behind the picture.
    """

    pixels: NDArray[np.uint8]
    labels: tessellation.Labels
    g: float
    um_per_px: float
    features: NDArray[np.uint8]
    family: str
    drawn: dict[str, float | str]


def make_micrograph(
    rng: np.random.Generator, g: float, rows: int, cols: int, um_per_px: float, family: str | None = None
) -> Synthetic:
    """Draw one micrograph of about the wanted G; its `g` is counted on the grains that can be seen.

    Without a `family` one is drawn. One picture in twenty is drawn smaller and enlarged by whole pixels, with its maps.
    """
    grains_per_px = float(grain_size.grains_per_mm2(g)) * (um_per_px * 1e-3) ** 2
    zoom = float(rng.uniform(1.5, 3.0)) if rng.random() < 0.05 else 1.0
    if zoom * grains_per_px**0.5 * SMALLEST_ENLARGED_PX > 1.0:
        zoom = 1.0
    down, right = (np.floor(np.arange(side) / zoom).astype(int) for side in (rows, cols))
    family = family or pick_family(rng)
    shape = tessellation.random_shape(rng)
    if family == "mosaic" and rng.random() < 0.25:
        # what is polished for polarised light is often cold-worked, or its grains are ragged
        shape = replace(shape, jaggedness=float(rng.uniform(0.05, 0.1)), waviness=float(rng.uniform(0.08, 0.18)))
    if family in OWN_STRENGTHS:
        # what is etched finely enough for thin lines has smooth boundaries
        shape = replace(shape, jaggedness=shape.jaggedness * float(rng.uniform(0.0, 0.7)))
    labels = tessellation.section(rng, int(down[-1]) + 1, int(right[-1]) + 1, grains_per_px * zoom**2, shape)
    etched = etching.etch(rng, labels, family=family)
    recipe, diameter_px = etched.recipe, mean_diameter_px(labels)
    image, done = treated(rng, etched.image, recipe.finest_px(), diameter_px)
    seen = visible_grains(etched.image, etched.seen, without_lines=recipe.family in WITHOUT_LINES)
    features = etched.features
    if zoom > 1.0:
        image, seen, features = (one[np.ix_(down, right)] for one in (image, seen, features))
    drawn: dict[str, float | str] = {
        **recipe.numbers(),
        **{name: round(float(value), 4) for name, value in asdict(shape).items()},
        "treatments": " ".join(done),
        "enlarged": round(zoom, 4),
    }
    return Synthetic(
        optics.to_8_bit(rng, image), seen, true_g(seen, um_per_px), um_per_px, features, recipe.family, drawn
    )


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


def write_label_map(path: Path, made: Synthetic) -> None:
    """Write the label map as the first page of a TIFF (uint32) and the features as its second (uint8)."""
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(made.labels.astype(np.uint32), photometric="minisblack", compression="zlib")
        tiff.write(made.features, photometric="minisblack", compression="zlib")


def write_dataset(out: Path, settings: SynthSettings) -> Iterator[dict[str, str]]:
    """Write `settings.count` micrographs and `labels.csv` to a folder; yield each row when it is done.

    Micrograph i depends on (seed, i) alone, whatever the number of worker processes. With `settings.grades` each
    grade has a folder, the folders are filled by turns, and the label is the grade. The counted G stands in
    `g_counted` and lies within 0.25 of the label, as where a metallographer rates to half grades. Raises `OutputError`
    for a folder that cannot be written.
    """
    with as_output_error(out):
        yield from _write_all(out, settings)


def _write_all(out: Path, settings: SynthSettings) -> Iterator[dict[str, str]]:
    folders = [folder_of(g) for g in settings.grades] or [""]
    for folder in folders:
        (out / "label_maps" / folder if settings.label_maps else out / folder).mkdir(parents=True, exist_ok=True)
        (out / folder).mkdir(exist_ok=True)
    jobs = [(out, settings, index) for index in range(settings.first, settings.first + settings.count)]
    with open(out / "labels.csv", "w", newline="", encoding="utf-8") as file:
        counted = ("g_counted",) if settings.grades else ()
        writer = csv.DictWriter(file, [*LABEL_COLUMNS, *counted, *DRAWN_COLUMNS])
        writer.writeheader()
        if settings.workers <= 1:
            rows = map(_write_one, jobs)
            yield from _written(writer, rows)
            return
        with ProcessPoolExecutor(settings.workers, get_context("spawn"), _follow_parent) as pool:
            try:
                yield from _written(writer, pool.map(_write_one, jobs, chunksize=2))
            except BrokenProcessPool as error:
                raise DataError(
                    "A process that draws micrographs was killed, perhaps for want of memory; give fewer processes."
                ) from error


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent process, which ends its workers, and end with it where it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_after_parent, name="gdest-parent", daemon=True).start()


def _end_after_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # in a thread, and the pool waits for work from a queue that nobody fills


def _written(writer: csv.DictWriter[str], rows: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    for row in rows:
        writer.writerow(row)
        yield row


def _write_one(job: tuple[Path, SynthSettings, int]) -> dict[str, str]:
    out, settings, index = job
    made, grade = draw_micrograph(settings, index), _grade_of(settings, index)
    folder = "" if grade is None else f"{folder_of(grade)}/"
    name = f"synth-{settings.seed}-{index:05d}"
    write_tiff(out / f"{folder}{name}.tif", made.pixels, made.um_per_px)
    label_map = ""
    if settings.label_maps:
        label_map = f"label_maps/{folder}{name}.tif"
        write_label_map(out / label_map, made)
    row = {
        "file": f"{folder}{name}.tif",
        "g": f"{made.g if grade is None else grade:.4f}",
        "um_per_px": f"{made.um_per_px:g}",
        "specimen": name,
        "label_map": label_map,
        "family": made.family,
        "drawn": json.dumps(made.drawn, sort_keys=True),
    }
    return row if grade is None else {**row, "g_counted": f"{made.g:.4f}"}


def draw_micrograph(settings: SynthSettings, index: int) -> Synthetic:
    """Draw the micrograph of this number, which depends on the seed and on what all are like, and on nothing else."""
    rng, size = np.random.default_rng([settings.seed, index]), (settings.rows, settings.cols, settings.um_per_px)
    grade = _grade_of(settings, index)
    if grade is None:
        return make_micrograph(rng, float(rng.uniform(settings.g_min, settings.g_max)), *size)
    for _ in range(MOST_DRAWS):
        made = make_micrograph(rng, grade, *size)
        if abs(made.g - grade) <= GRADE_TOLERANCE:
            return made
    raise SettingsError(f"A picture of {settings.cols}x{settings.rows} px is too small to show G {grade:g}.")


def _grade_of(settings: SynthSettings, index: int) -> float | None:
    return settings.grades[index % len(settings.grades)] if settings.grades else None


def folder_of(grade: float) -> str:
    """Return the name of a grade's folder, such as 4.0."""
    return f"{grade:.1f}" if round(grade, 1) == grade else f"{grade:g}"
