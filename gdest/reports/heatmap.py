"""Draw a grade map over its micrograph, on the one scale of every run and on a scale round its own G."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gdest.core import NO_METAL, Graded, spread_tiles, write_atomically
from gdest.reports.fine_map import fine_grades, place_px
from gdest.reports.lettering import font, framed, lettered
from gdest.reports.picture_paths import picture_path
from gdest.reports.scale import BAR_PX, Scale, colour_bar, colour_table, run_scale, scale_around

OPACITY = 0.6
LONGEST_PX = 960
"""Longest side; drawing and packing a larger picture takes a third of the network's time for the micrograph."""

PANEL_PX = 720
"""Longest side of each of two maps; together they are a third larger than one of `LONGEST_PX`."""

TITLE_PX = 36
FEW_GREYS = [round(grey // 8 * 255 / 31) for grey in range(256)]
"""The micrograph in 32 greys looks the same and is packed in two thirds of the time to half the size."""

FEW_STEPS = np.array([0, *(step // 4 * 4 + 2 for step in range(1, 256))], np.uint8)
"""Of a map that runs smoothly every fourth colour looks the same, and is packed to an eighth less."""

HATCH_PX, HATCH_GREY = 12, 90
"""Tiles left out because they show a banner, a scale bar, mounting or a reflection are hatched in grey."""

ROOM_PX = 40, 22
"""Width and height that the G of a tile needs; in a row of smaller tiles some are left without."""


def heatmap_name(file_name: str) -> str:
    """Return the heatmap's path relative to the output folder; the file's own suffix is kept."""
    return picture_path("heatmaps", file_name, ".png")


def write_heatmap(graded: Graded, path: Path) -> None:
    """Write the heatmap PNG of one micrograph; raise `OutputError` when it cannot be written."""
    save_png(draw_both_scales(graded), path)


def save_png(picture: Image.Image, path: Path) -> None:
    """Write a picture as a PNG without filters, packed by libdeflate: 0.4 of libpng's time, a tenth smaller.

    It is RGB, or has a palette (mode P), whose colours may be transparent: `info["transparency"]` holds their alpha.
    """
    samples = len(picture.getbands())
    rows = np.asarray(picture).reshape(picture.height, samples * picture.width)
    unfiltered = np.pad(rows, ((0, 0), (1, 0)))  # each row begins with its filter, 0 for none
    kind = 3 if picture.mode == "P" else 2
    header = struct.pack(">2I5B", picture.width, picture.height, 8, kind, 0, 0, 0)  # 8 bits, not interlaced
    chunks: list[tuple[bytes, bytes]] = [(b"IHDR", header)]
    if picture.mode == "P":
        chunks += [(b"PLTE", bytes(picture.getpalette() or ())), (b"tRNS", bytes(picture.info["transparency"]))]
    chunks += [(b"IDAT", bytes(imagecodecs.deflate_encode(unfiltered.tobytes(), level=1))), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    write_atomically(path, lambda temporary: temporary.write_bytes(png))


def draw_both_scales(graded: Graded) -> Image.Image:
    """Return the heatmap twice in a frame with name, G, interval and um bar.

    Left on the scale of every run, by tiles; right on that of 2 G to either side of the micrograph's own G, finer than
    tiles where the network tells it.
    """
    title = _title(graded)
    pixels, micrograph = graded.micrograph.pixels, graded.micrograph
    width, height = drawn_size(pixels, PANEL_PX)
    own = scale_around(graded.g_seen + graded.shift, title)
    panel = width + BAR_PX
    canvas = Image.new("RGB", (2 * panel, height))
    canvas.paste(draw_heatmap(graded, run_scale(title), PANEL_PX), (0, 0))
    finer = place_px(graded.grade_map)
    canvas.paste((draw_heatmap if finer is None else _draw_finer)(graded, own, PANEL_PX), (panel, 0))
    titles = {0: "one scale for all", panel: f"its own G ± 2{'' if finer is None else f', every {finer} px, smoothed'}"}
    um_per_px = micrograph.um_per_px and micrograph.um_per_px * micrograph.cols / width
    return framed(canvas, micrograph.file.name, told_of(graded), titles, um_per_px, width)


def told_of(graded: Graded) -> str:
    """Return what a picture tells of its micrograph: G, its interval where it has one, and its status."""
    found = graded.statistics
    if graded.reason.startswith(NO_METAL):
        return f"no metal, or no grain structure, is seen: {graded.status}"
    if found is None:
        return f"G seen {graded.g_seen:.1f}, {graded.status}"
    interval = f" ({found.g_low:.1f}..{found.g_high:.1f})" if np.isfinite([found.g_low, found.g_high]).all() else ""
    return f"G {found.g:.1f}{interval} estimated, {graded.status}"


def _title(graded: Graded) -> str:
    return "G" if graded.statistics else "G seen"


def draw_heatmap(graded: Graded, scale: Scale | None = None, longest_px: int = LONGEST_PX) -> Image.Image:
    """Return the micrograph under its tile grades, with a colour bar; what has no grade is grey and hatched.

    G stands in each tile that has room for it. The bar says whether G is calibrated or, without a pixel size, as seen.
    """
    scale = scale or run_scale(_title(graded))
    picture = draw_map(graded, scale, longest_px)
    _write_grades(picture, graded)
    return _beside_bar(picture, scale)


def _draw_finer(graded: Graded, scale: Scale, longest_px: int) -> Image.Image:
    """Return the micrograph under G at each of its places, with the G of each tile and a colour bar."""
    pixels = graded.micrograph.pixels
    picture = _coloured(pixels, FEW_STEPS[fine_grades(graded, drawn_size(pixels, longest_px), scale.steps)])
    _write_grades(picture, graded)
    return _beside_bar(picture, scale)


def draw_map(graded: Graded, scale: Scale, longest_px: int) -> Image.Image:
    """Return the micrograph under the colours of its tiles alone."""
    width, height = drawn_size(graded.micrograph.pixels, longest_px)
    # colouring tiles before they are spread takes a fifth of the time
    return _coloured(graded.micrograph.pixels, _spread(graded, (height, width), scale.steps))


def draw_grades(
    pixels: NDArray[np.uint8], grades: NDArray[np.float32], title: str, longest_px: int = LONGEST_PX
) -> Image.Image:
    """Return grey pixels (rows, cols) under their grades, NaN transparent, with a titled colour bar."""
    shown = Image.fromarray(grades).resize(drawn_size(pixels, longest_px), Image.Resampling.NEAREST)
    scale = run_scale(title)
    return _beside_bar(_coloured(pixels, scale.steps(np.asarray(shown))), scale)


def _coloured(pixels: NDArray[np.uint8], steps: NDArray[np.uint8]) -> Image.Image:
    """Return grey pixels under their colours in the size of `steps`, the places of their grades in the table."""
    height, width = steps.shape
    base = Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX).point(FEW_GREYS)
    mixed = _blended(base, steps)
    known = steps > 0
    if not known.all():
        mixed = Image.composite(mixed, _hatched(base.convert("RGB"), known), Image.fromarray(known))
    return mixed


def _beside_bar(picture: Image.Image, scale: Scale) -> Image.Image:
    canvas = Image.new("RGB", (picture.width + BAR_PX, picture.height))
    canvas.paste(picture, (0, 0))
    canvas.paste(colour_bar(picture.height, scale), (picture.width, 0))
    return canvas


def _write_grades(picture: Image.Image, graded: Graded) -> None:
    """Write G into the middle of each tile, of the tiles that lie too close into every second (third...)."""
    if graded.reason.startswith(NO_METAL):  # what was read off such a picture is no G
        return
    grade_map, micrograph = graded.grade_map, graded.micrograph
    grid = grade_map.grid
    by = picture.width / micrograph.cols / grade_map.zoom
    rows, cols = (
        _apart(starts, grid.tile_px, by, room) for starts, room in ((grid.tops, ROOM_PX[1]), (grid.lefts, ROOM_PX[0]))
    )
    for row, y in rows:
        for col, x in cols:
            g = float(grade_map.g_seen[row, col]) + graded.shift
            if np.isfinite(g):
                letters, around = lettered(f"{g:.1f}")
                picture.paste(letters, (round(x - letters.width / 2), round(y - letters.height / 2)), around)


def _apart(starts: Sequence[int], tile_px: int, by: float, room_px: int) -> list[tuple[int, float]]:
    """Return (number, middle in drawn px) of the tiles along one side that are at least `room_px` apart."""
    kept: list[tuple[int, float]] = []
    for number, start in enumerate(starts):
        middle = (start + tile_px / 2) * by
        if middle - (kept[-1][1] if kept else -room_px / 2) >= room_px:
            kept.append((number, middle))
    return kept


def drawn_size(pixels: NDArray[np.uint8], longest_px: int) -> tuple[int, int]:
    """Return the width and height to which grey pixels (rows, cols) shrink for a longest side."""
    height, width = pixels.shape
    shrink = min(1.0, longest_px / max(pixels.shape))
    return max(1, round(width * shrink)), max(1, round(height * shrink))


def side_by_side(pictures: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Return pictures in a row, each under its title."""
    width, height = sum(one.width for _, one in pictures), max(one.height for _, one in pictures)
    canvas = Image.new("RGB", (width, height + TITLE_PX), "white")
    left = 0
    for title, one in pictures:
        ImageDraw.Draw(canvas).text((left + 8, 8), title, fill="black", font=font(18))
        canvas.paste(one, (left, TITLE_PX))
        left += one.width
    return canvas


def _hatched(picture: Image.Image, known: NDArray[np.bool_]) -> Image.Image:
    """Return a picture with grey diagonal lines, to show where tiles were left out; unchanged where none was graded."""
    if not known.any():
        return picture
    row, col = np.ogrid[: known.shape[0], : known.shape[1]]
    lines = Image.fromarray((row + col) % HATCH_PX < 2)
    return Image.composite(Image.new("RGB", picture.size, (HATCH_GREY,) * 3), picture, lines)


def pixel_grades(graded: Graded) -> NDArray[np.float32]:
    """Return G at each pixel that the micrograph holds (rows, cols), float32: the mean of the tiles that cover it.

    A micrograph that is read region by region holds only every second (fourth...) pixel, for drawing.
    """
    return _spread(graded, graded.micrograph.pixels.shape, np.asarray)


def _spread(
    graded: Graded, shape: tuple[int, ...], paint: Callable[[NDArray[np.float32]], NDArray[Any]]
) -> NDArray[Any]:
    """Return what `paint` makes of G, for each pixel of the micrograph drawn in a size (rows, cols)."""
    grade_map, micrograph = graded.grade_map, graded.micrograph
    rows, cols = (int(np.ceil(side * grade_map.zoom)) for side in (micrograph.rows, micrograph.cols))
    height, width = shape
    return spread_tiles(grade_map.g_seen + np.float32(graded.shift), grade_map.grid, rows, cols, (height, width), paint)


def _blended(base: Image.Image, steps: NDArray[np.uint8]) -> Image.Image:
    """Return a grey picture under the colours of its grades; one channel after the other takes half the time of RGB."""
    channels = (Image.fromarray(steps).point(channel.tolist()) for channel in colour_table().T)
    return Image.merge("RGB", [Image.blend(base, channel, OPACITY) for channel in channels])
