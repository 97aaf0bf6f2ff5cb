"""Take a picture as a program gives it: by its path, or as an array of pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from gdest.core import ImageFile, SettingsError, as_output_error, file_at

COLOURS = (3, 4)


def image_given(one: str | Path | NDArray[Any], number: int, folder: Path) -> ImageFile:
    """Return the file of a picture: of an array one that holds it, written into `folder`, called by its number.

    So an array is read, looked at and judged as any file. Raises `SettingsError` for what is neither.
    """
    if isinstance(one, str | Path):
        return file_at(Path(one))
    if not hasattr(one, "dtype"):
        raise SettingsError(f"{type(one).__name__} is neither the path of an image nor an array of pixels.")
    pixels = np.asarray(one)
    in_colour = pixels.ndim == 3 and pixels.shape[2] in COLOURS
    if pixels.ndim != 2 and not in_colour:
        raise SettingsError(f"An array of pixels is (rows, cols), or (rows, cols, 3) in colour, not {pixels.shape}.")
    path = folder / f"array-{number}.tif"
    with as_output_error(path):
        tifffile.imwrite(path, pixels, photometric="rgb" if in_colour else "minisblack")
    return ImageFile(path, path.stem)
