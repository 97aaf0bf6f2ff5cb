"""Write the pictures beside the reports: heatmap, preview, thumbnail and overlay of every graded file."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path

from PIL import Image

from gdest.core import Graded, as_output_error, write_atomically
from gdest.reports.heatmap import draw_heatmap, heatmap_name, save_png
from gdest.reports.overlay import draw_overlay, has_overlay, overlay_name

THUMBNAIL_PX = 180
"""Longest side of a thumbnail, or a little less, because it averages whole squares of pixels."""

PREVIEW_PX = 1280
"""Longest side of the JPEG for browsers, which show no TIFF; pictures of many cameras need no resizing."""


def preview_name(file_name: str) -> str:
    """Return the path of a micrograph's preview relative to the output folder."""
    return f"previews/{file_name}.jpg"


def thumbnail_name(file_name: str) -> str:
    """Return the path of a heatmap's thumbnail relative to the output folder."""
    return f"thumbnails/{file_name}.jpg"


def picture_names(file_name: str, *, counted: bool = False) -> tuple[str, ...]:
    """Return the paths of heatmap, preview and thumbnail relative to the output folder; of the overlay if `counted`."""
    always = heatmap_name(file_name), preview_name(file_name), thumbnail_name(file_name)
    return (*always, overlay_name(file_name)) if counted else always


PICTURE_FOLDERS = tuple(name.partition("/")[0] for name in picture_names("", counted=True))
"""The folders of the four pictures, below the output folder."""


def write_pictures(graded: Graded, out: Path) -> None:
    """Write the pictures of one micrograph below `out`; raise `OutputError`.

    An overlay is there only where something was counted; one of an earlier count is removed.
    """
    name = graded.micrograph.file.name
    heatmap = draw_heatmap(graded)
    save_png(heatmap, out / heatmap_name(name))
    thumbnail = heatmap.reduce(-(-max(heatmap.size) // THUMBNAIL_PX))
    _save_jpeg(thumbnail, out / thumbnail_name(name))
    preview = Image.fromarray(graded.micrograph.pixels)
    preview.thumbnail((PREVIEW_PX, PREVIEW_PX))
    _save_jpeg(preview, out / preview_name(name))
    if has_overlay(graded.count):
        save_png(draw_overlay(graded), out / overlay_name(name))
    else:
        with as_output_error(out / overlay_name(name)):
            (out / overlay_name(name)).unlink(missing_ok=True)


def _save_jpeg(picture: Image.Image, path: Path) -> None:
    """Write a JPEG that was made in memory: Pillow takes a file that a full disk cuts short for written."""
    content = BytesIO()
    picture.save(content, "JPEG", quality=80)
    write_atomically(path, lambda temporary: temporary.write_bytes(content.getvalue()))


def remove_pictures(file_name: str, out: Path) -> None:
    """Remove the pictures of a file that show its earlier content; raise `OutputError`."""
    for name in picture_names(file_name, counted=True):
        with as_output_error(out / name), suppress(NotADirectoryError):
            (out / name).unlink(missing_ok=True)
