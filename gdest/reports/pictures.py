"""Write the pictures beside the reports: heatmap, preview, thumbnail, overlay and its marks of every graded file."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from gdest.core import Graded, write_atomically
from gdest.reports.heatmap import draw_both_scales, draw_map, heatmap_name, save_png
from gdest.reports.overlay import draw_overlay_and_layer, has_overlay, layer_name, overlay_name
from gdest.reports.scale import run_scale

THUMBNAIL_PX = 180
"""Longest side of a thumbnail."""

PREVIEW_PX = 1600
"""Longest side of the JPEG for browsers, which show no TIFF; as large as an overlay, so that both can be enlarged."""


def preview_name(file_name: str) -> str:
    """Return the path of a micrograph's preview relative to the output folder."""
    return f"previews/{file_name}.jpg"


def thumbnail_name(file_name: str) -> str:
    """Return the path of a heatmap's thumbnail relative to the output folder."""
    return f"thumbnails/{file_name}.jpg"


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
    heatmap = draw_both_scales(graded)
    save_png(heatmap, out / heatmap_name(name))
    thumbnail = draw_map(graded, run_scale(), THUMBNAIL_PX)
    write_atomically(out / thumbnail_name(name), lambda path: thumbnail.save(path, "JPEG", quality=80))
    colour = graded.micrograph.colour
    preview = Image.fromarray(graded.micrograph.pixels if colour is None else colour)
    preview.thumbnail((PREVIEW_PX, PREVIEW_PX))
    write_atomically(out / preview_name(name), lambda path: preview.save(path, "JPEG", quality=80))
    if has_overlay(graded.count):
        overlay, layer = draw_overlay_and_layer(graded)
        save_png(overlay, out / overlay_name(name))
        save_png(layer, out / layer_name(name))
    else:
        for path in (out / overlay_name(name), out / layer_name(name)):
            path.unlink(missing_ok=True)


def remove_pictures(file_name: str, out: Path) -> None:
    """Remove the pictures of a file that could not be graded this time, left by its earlier content."""
    for name in picture_names(file_name, counted=True):
        (out / name).unlink(missing_ok=True)
