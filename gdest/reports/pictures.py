"""Write the pictures beside the reports: heatmap, preview, thumbnail, overlay and its marks of every graded file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gdest.core import Graded, as_output_error, is_of_a_name, write_atomically
from gdest.reports.few_greys import shrunk
from gdest.reports.heatmap import PANEL_PX, draw_both_scales, draw_map, heatmap_name
from gdest.reports.overlay import LONGEST_PX, draw_overlay_and_layer, has_overlay, layer_name, overlay_name
from gdest.reports.packing import save_pixels, save_png
from gdest.reports.picture_paths import picture_path
from gdest.reports.scale import run_scale

THUMBNAIL_PX = 180
"""Longest side of a thumbnail."""


def preview_name(file_name: str) -> str:
    """Return the path of a micrograph's preview relative to the output folder."""
    return picture_path("previews", file_name, ".jpg")


def thumbnail_name(file_name: str) -> str:
    """Return the path of a heatmap's thumbnail relative to the output folder."""
    return picture_path("thumbnails", file_name, ".jpg")


def picture_names(file_name: str, *, counted: bool = False) -> tuple[str, ...]:
    """Return the paths of the pictures relative to the output folder; if `counted`, also of overlay and layer."""
    always = heatmap_name(file_name), preview_name(file_name), thumbnail_name(file_name)
    return (*always, overlay_name(file_name), layer_name(file_name)) if counted else always


PICTURE_FOLDERS = tuple(name.partition("/")[0] for name in picture_names("", counted=True))
"""The folders of the pictures, below the output folder."""


def write_pictures(graded: Graded, out: Path) -> None:
    """Write the pictures of one micrograph below `out`; raise `OutputError`.

    An overlay is there only where something was counted; one of an earlier count is removed.
    """
    name = graded.micrograph.file.name
    shown = shrunk(graded.micrograph.pixels, LONGEST_PX)  # each of the others is made of the next larger one
    mapped = shrunk(shown, PANEL_PX)
    save_pixels(draw_both_scales(graded, mapped), out / heatmap_name(name))
    _save_jpeg(draw_map(graded, run_scale(), shrunk(mapped, THUMBNAIL_PX)), out / thumbnail_name(name))
    colour = graded.micrograph.colour
    _save_jpeg(shown if colour is None else colour, out / preview_name(name))
    if has_overlay(graded.count):
        overlay, layer = draw_overlay_and_layer(graded, shown)
        save_png(overlay, out / overlay_name(name))
        save_png(layer, out / layer_name(name))
    else:
        for path in (out / overlay_name(name), out / layer_name(name)):
            with as_output_error(path):
                path.unlink(missing_ok=True)


def _save_jpeg(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a JPEG that was made in memory: Pillow takes a file that a full disk cuts short for written."""
    content = BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=80)
    write_atomically(path, lambda temporary: temporary.write_bytes(content.getvalue()))


def remove_pictures(file_name: str, out: Path) -> None:
    """Remove the pictures of a file that show its earlier content; raise `OutputError`."""
    for name in picture_names(file_name, counted=True):
        with as_output_error(out / name):
            try:
                (out / name).unlink(missing_ok=True)
            except OSError as error:
                if not is_of_a_name(error):  # else there is none
                    raise
