"""Decode labelled micrographs once, into pictures from which crops are cut."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdest.core import (
    CalibrationSettings,
    DataError,
    ImageFile,
    Micrograph,
    MicrographError,
    ModelCard,
    grain_size,
    halve,
    in_plain_words,
)
from gdest.grading import G_PER_HALVING
from gdest.reading import read_micrograph
from gdest.training.channels import CODES_PER_G, Channels, log2_densities, pyramid, with_label_map
from gdest.training.labels import NO_PIXEL_SIZE, Labelled, require_there
from gdest.training.stages import Stage, no_stage, told

GRADE_STEP = 0.05
"""Grades that lie no further apart are one grade, since pixel sizes are rounded in files."""

MOST_CLASSES = 32


@dataclass(frozen=True)
class Example:
    """Hold one decoded micrograph: a pyramid of (channels, rows, cols) uint8, halved at each level, and its G at p0.

    Channel 0 is the grey image; with a label map there are all `CHANNELS`. `log2_density` holds log2 of the grains
    per px of each level (empty without a label map). `shows_features` says whether twins and particles are known.
    """

    pyramid: tuple[Tensor, ...]
    g_seen: float
    log2_density: tuple[float, ...] = ()
    shows_features: bool = False


def log2_of_code(code: Tensor) -> Tensor:
    """Return log2 of the grains per px from the code of the local grain size, of any shape."""
    return (code - 255.0) / CODES_PER_G


def log2_density(code: Tensor) -> Tensor:
    """Return log2 of the grains per px (n,) in parts of channel 2, (n, rows, cols), as `log2_densities` counts them."""
    return torch.exp2(log2_of_code(code.float())).mean(dim=(1, 2)).log2()


def grades_present(examples: Sequence[Example]) -> tuple[float, ...]:
    """Return the grades at p0 that a classifier is to tell apart, ascending; raise `DataError` for too many or one."""
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
    stage: Stage = no_stage,
) -> list[Example]:
    """Decode every micrograph once; `um_per_px` is the model's reference pixel size p0.

    Without label maps, a micrograph whose grains look coarser than `coarsest` is halved as a scan halves it, while
    two tiles still fit beside each other.
    """
    require_there(labelled)
    with_maps = label_maps and all(item.label_map is not None for item in labelled)

    def load(item: Labelled) -> Example:
        pixels, g_seen = _read(item, um_per_px)
        if not with_maps or item.label_map is None:
            pixels, g_seen = halved_while_coarse(pixels, g_seen, coarsest)
            return _example(np.stack([pixels]), g_seen, device)
        labels, features = read_label_map(item.label_map, pixels.shape)
        channels = with_label_map(pixels, labels, features)
        return _example(channels, g_seen, device, shows_features=features is not None)

    with ThreadPoolExecutor() as pool:
        count = len(labelled)
        return list(told(pool.map(load, labelled), stage, f"reading {count} micrographs", count))


def micrograph_of(file: ImageFile, um_per_px: float | None = None) -> Micrograph:
    """Return a micrograph that is to be learnt from; raise `DataError` with its path where it cannot be read."""
    try:
        return read_micrograph(file, CalibrationSettings(um_per_px=um_per_px))
    except MicrographError as error:
        raise DataError(f"{file.path}: {error}") from error


def _read(item: Labelled, um_per_px: float) -> tuple[NDArray[np.uint8], float]:
    """Return the grey pixels (rows, cols) of a micrograph and its G at p0."""
    micrograph = micrograph_of(item.file, item.um_per_px)
    if micrograph.um_per_px is None:
        raise DataError(f"{item.file.path} {NO_PIXEL_SIZE}")
    return micrograph.pixels, float(grain_size.g_seen(item.g, micrograph.um_per_px, um_per_px))


def _example(channels: Channels, g_seen: float, device: torch.device, *, shows_features: bool = False) -> Example:
    levels = pyramid(channels)
    on_device = tuple(torch.from_numpy(level).to(device) for level in levels)
    return Example(on_device, g_seen, log2_densities(levels), shows_features)


def read_label_map(path: Path, shape: tuple[int, ...]) -> tuple[NDArray[np.int32], NDArray[np.uint8] | None]:
    """Return the label map (rows, cols) of a file and its features, None where it has none; raise `DataError`."""
    try:
        with tifffile.TiffFile(path) as file:
            pages = [page.asarray() for page in file.pages]
    except OSError as error:
        raise DataError(f"The label map {path} cannot be read: {in_plain_words(error)}.") from error
    except Exception as error:  # decoders raise anything
        raise DataError(f"The label map {path} is damaged, or no TIFF.") from error
    if any(page.shape != shape for page in pages):
        raise DataError(f"{path} has another size than its micrograph.")
    return pages[0].astype(np.int32), pages[1].astype(np.uint8) if len(pages) > 1 else None


def halved_while_coarse(pixels: NDArray[np.uint8], g_seen: float, coarsest: float) -> tuple[NDArray[np.uint8], float]:
    """Return grey pixels (rows, cols) and their G_seen, halved as a scan does while G_seen is below `coarsest`."""
    while g_seen < coarsest and min(pixels.shape) >= 2 * ModelCard.tile_px:
        pixels, g_seen = halve(pixels), g_seen + G_PER_HALVING
    return pixels, g_seen
