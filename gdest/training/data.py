"""Read labelled micrographs and hold them, decoded once, where crops are cut from them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gdest.core import (
    CalibrationSettings,
    DataError,
    ImageFile,
    MicrographError,
    ModelCard,
    grain_size,
    halve,
    image_files,
)
from gdest.grading import G_PER_HALVING
from gdest.reading import read_micrograph
from gdest.synth import boundary_mask, grain_weights
from gdest.training.settings import TrainSettings

PYRAMID_LEVELS = 3
GRADE_STEP = 0.05
MOST_CLASSES = 32
LOCAL_STEPS_PER_G = 12.0
"""One G of local grain size in the uint8 code of the dense targets: 0..255 covers 21 G."""


@dataclass(frozen=True)
class Labelled:
    """Name one labelled micrograph; `label_map` is there for synthetic ones only."""

    file: ImageFile
    g: float
    um_per_px: float | None
    specimen: str
    label_map: Path | None


@dataclass(frozen=True)
class Split:
    """Hold the labelled micrographs of each side; no specimen is on two of them."""

    training: list[Labelled]
    validation: list[Labelled]
    test: list[Labelled]


@dataclass(frozen=True)
class Example:
    """Hold one decoded micrograph: a pyramid of (channels, rows, cols) uint8 and its G at p0.

    Channel 0 is the grey image; with a label map, channel 1 is the boundary mask (0 or 255) and
    channel 2 the code of the local grain size in px; `log2_density` is what `log2_density` finds
    on each level of it (empty without a label map).
    """

    pyramid: tuple[Tensor, ...]
    g_seen: float
    log2_density: tuple[float, ...] = ()


def log2_density(code: Tensor) -> Tensor:
    """Return log2 of the grains per px (n,) in parts of channel 2, (n, rows, cols).

    The mean of 1 / grain area over the pixels of a part is its number of grains, those that its
    rim cuts counted by the share that lies inside.
    """
    return torch.exp2((code.float() - 255.0) / LOCAL_STEPS_PER_G).mean(dim=(1, 2)).log2()


def read_labels(data: Path, um_per_px: float | None) -> list[Labelled]:
    """Return the labelled micrographs of a CSV, of a folder with `labels.csv`, or of grade folders.

    `um_per_px` is the pixel size of those that name none. Raises `DataError` with one sentence.
    """
    table = data / "labels.csv" if data.is_dir() else data
    if table.is_file():
        found = _from_table(table, um_per_px)
    elif data.is_dir():
        found = _from_grade_folders(data, um_per_px)
    else:
        raise DataError(f"{data} is neither a folder nor a CSV file.")
    if not found:
        raise DataError(f"{data} holds no labelled micrograph: give a CSV with file,g or folders named 4.0, 4.5, ...")
    return found


def _from_table(table: Path, um_per_px: float | None) -> list[Labelled]:
    with open(table, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if not {"file", "g"} <= set(reader.fieldnames or ()):
            raise DataError(f"{table} needs the columns file,g[,um_per_px,specimen]; it has {reader.fieldnames}.")
        rows = [row for row in reader if (row["g"] or "").strip()]
    return [_from_row(table, row, um_per_px) for row in rows]


def _from_row(table: Path, row: dict[str, str], um_per_px: float | None) -> Labelled:
    try:
        g = float(row["g"])
        pixel_size = float(row["um_per_px"]) if row.get("um_per_px") else um_per_px
    except ValueError as error:
        raise DataError(f"{table}: {row['file']}: {error}.") from error
    label_map = table.parent / row["label_map"] if row.get("label_map") else None
    file = ImageFile(table.parent / row["file"], row["file"])
    return Labelled(file, g, pixel_size, row.get("specimen") or row["file"], label_map)


def _from_grade_folders(data: Path, um_per_px: float | None) -> list[Labelled]:
    found = []
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        try:
            g = float(folder.name.replace(",", "."))
        except ValueError as error:
            raise DataError(f"{folder} is not named after a grade such as 4.0 or 4.5.") from error
        for file in image_files([folder]):
            name = f"{folder.name}/{file.name}"
            found.append(Labelled(ImageFile(file.path, name), g, um_per_px, name, None))
    return found


def split_by_specimen(labelled: Sequence[Labelled], share: float, seed: int) -> tuple[list[Labelled], list[Labelled]]:
    """Return (rest, held out); about `share` of the specimens, spread over G, are held out whole."""
    specimens: dict[str, list[Labelled]] = {}
    for item in labelled:
        specimens.setdefault(item.specimen, []).append(item)
    by_grade = sorted(specimens, key=lambda name: (np.mean([item.g for item in specimens[name]]), name))
    wanted = min(max(1, round(share * len(by_grade))), len(by_grade) - 1)
    if wanted < 1:
        raise DataError("Training needs micrographs of at least two specimens, one of them for validation.")
    rng = np.random.default_rng(seed)
    held = {str(rng.choice(stratum)) for stratum in np.array_split(np.array(by_grade), wanted)}
    return (
        [item for item in labelled if item.specimen not in held],
        [item for item in labelled if item.specimen in held],
    )


def split_in_three(labelled: Sequence[Labelled], settings: TrainSettings) -> Split:
    """Split by specimen, each side spread over G; the validation share is of all specimens, as the test share is.

    The paper's 125 / 53 / 64 of 242 are a validation share of 0.219 and a test share of 0.2645.
    """
    if not settings.test_share:
        return Split(*split_by_specimen(labelled, settings.validation_share, settings.seed), [])
    rest, test = split_by_specimen(labelled, settings.test_share, settings.seed)
    share = settings.validation_share / (1.0 - settings.test_share)
    return Split(*split_by_specimen(rest, share, settings.seed), test)


def grades_present(examples: Sequence[Example]) -> tuple[float, ...]:
    """Return the grades at p0 that a classifier is to tell apart, ascending; raise `DataError` for too many.

    G that differs by less than 0.05 counts as one grade, since pixel sizes are rounded in files.
    """
    found: list[float] = []
    for g in sorted(example.g_seen for example in examples):
        if not found or g - found[-1] > GRADE_STEP:
            found.append(round(g, 2))
    if not 2 <= len(found) <= MOST_CLASSES:
        raise DataError(
            f"Classification needs 2 to {MOST_CLASSES} grades, such as 4.0, 4.5, ...; the labels hold {len(found)}."
        )
    return tuple(found)


def load_examples(
    labelled: Sequence[Labelled],
    um_per_px: float,
    device: torch.device,
    *,
    label_maps: bool = True,
    coarsest: float = -np.inf,
) -> list[Example]:
    """Decode every micrograph once; `um_per_px` is the model's reference pixel size p0.

    Those without label maps whose grains look coarser than `coarsest` are halved as a scan halves them, while
    two tiles still fit beside each other.
    """
    dense = label_maps and all(item.label_map is not None for item in labelled)
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda item: _load(item, um_per_px, dense, coarsest, device), labelled))


def _load(item: Labelled, um_per_px: float, dense: bool, coarsest: float, device: torch.device) -> Example:
    try:
        micrograph = read_micrograph(item.file, CalibrationSettings(um_per_px=item.um_per_px))
    except MicrographError as error:
        raise DataError(f"{item.file.path}: {error}") from error
    if micrograph.um_per_px is None:
        raise DataError(f"{item.file.path} has no pixel size: add a column um_per_px or give --um-per-px.")
    pixels, g_seen = micrograph.pixels, float(grain_size.g_seen(item.g, micrograph.um_per_px, um_per_px))
    if not dense:
        pixels, g_seen = halved_while_coarse(pixels, g_seen, coarsest)
    channels = [pixels]
    if dense and item.label_map is not None:
        channels += _dense_targets(item.label_map, pixels.shape)
    levels = [torch.from_numpy(np.stack(channels)).to(device)]
    while len(levels) < PYRAMID_LEVELS and min(levels[-1].shape[1:]) >= 128:
        levels.append(functional.avg_pool2d(levels[-1].float(), 2).round().to(torch.uint8))
    density = tuple(float(log2_density(level[2:])) for level in levels) if len(channels) == 3 else ()
    return Example(tuple(levels), g_seen, density)


def halved_while_coarse(pixels: NDArray[np.uint8], g_seen: float, coarsest: float) -> tuple[NDArray[np.uint8], float]:
    """Return grey pixels (rows, cols) and their G_seen, halved as a scan does while G_seen is below `coarsest`."""
    while g_seen < coarsest and min(pixels.shape) >= 2 * ModelCard.tile_px:
        pixels, g_seen = halve(pixels), g_seen + G_PER_HALVING
    return pixels, g_seen


def _dense_targets(path: Path, shape: tuple[int, ...]) -> list[NDArray[np.uint8]]:
    """Return the boundary mask and the code of log2(grains per px) at every pixel."""
    labels = tifffile.imread(path).astype(np.int32)
    if labels.shape != shape:
        raise DataError(f"{path} is not of its micrograph's size.")
    area = np.bincount(labels.ravel()) / grain_weights(labels)
    code = np.clip(-np.log2(np.maximum(area, 1.0)) * LOCAL_STEPS_PER_G + 255, 0, 255)
    return [boundary_mask(labels).astype(np.uint8) * 255, np.round(code).astype(np.uint8)[labels]]
