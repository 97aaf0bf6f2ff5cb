"""Read real pictures that must not be graded, in a folder for each kind: they teach a judge beside the drawn ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gdest.core import DataError, GradeSettings, GreyImage, ImageFile, halve, image_files
from gdest.grading import predict_grade_map
from gdest.model import KINDS, LoadedModel, NetworkPredictor
from gdest.training.examples import micrograph_of
from gdest.training.judge import overlapping_tiles
from gdest.training.labels import sub_folders
from gdest.training.settings import TrainSettings
from gdest.training.stages import Stage, no_stage, told

MOST_TILES = 40
"""Of one picture; more of it say little more."""

Tiles = NDArray[np.uint8]


def unfit_files(folders: Sequence[str]) -> list[tuple[str, ImageFile]]:
    """Return (kind, file) of each picture; raise `DataError` for a folder that is not named after a kind."""
    found = []
    for folder in map(Path, folders):
        for of_kind in sub_folders(folder):
            kind = of_kind.name.replace("-", " ")
            if kind not in KINDS:
                raise DataError(f"{of_kind} is not named after a kind of what must not be graded: {', '.join(KINDS)}.")
            found += [(kind, file) for file in image_files([of_kind])]
        if not any(file.path.is_relative_to(folder) for _, file in found):
            raise DataError(f"{folder} holds no picture in a folder named after a kind: {', '.join(KINDS)}.")
    return found


def unfit_tiles(model: LoadedModel, settings: TrainSettings, stage: Stage = no_stage) -> dict[str, list[Tiles]]:
    """Return tiles (n, side, side) of each picture that `settings.unfit` names, by kind, as large as a scan sees them.

    Raises `DataError` for a file that cannot be read.
    """
    files = unfit_files(settings.unfit)
    if not files:
        return {}
    grading = GradeSettings(device=settings.device)
    predictor = NetworkPredictor(model, grading, unfinished=True)
    found: dict[str, list[Tiles]] = {}
    for kind, file in told(files, stage, "reading what not to grade", len(files)):
        pixels = micrograph_of(file).pixels
        zoom = predict_grade_map(GreyImage(pixels), predictor, grading.stride_px).zoom
        while zoom < 1.0:
            pixels, zoom = halve(pixels), 2.0 * zoom
        tiles = overlapping_tiles(pixels)
        spread = np.linspace(0, len(tiles) - 1, min(len(tiles), MOST_TILES)).astype(int)
        found.setdefault(kind, []).append(tiles[spread])
    return found
