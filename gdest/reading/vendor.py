"""Read the microscopes' own formats through the readers of the extra `vendor`: CZI, LIF, ND2, OIB and OIF, VSI.

`vendor_process` calls these functions, in a process of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from glob import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from gdest.core import MicrographError, PixelSize, PixelSizeSource
from gdest.reading.page import Page, RawPixels
from gdest.reading.tiff_sizes import UM_PER, leica_dimensions

NO_FIELD = "holds sections in depth or single lines, and no field of view"


def pages_of(path: Path) -> Iterator[Page]:
    """Yield the scenes or positions of a file, of a stack the first plane; foreign errors are not translated."""
    _, module, read = READERS[path.suffix.lower()]
    yield from read(import_module(module), path)


def _sizes(um: Any, source: PixelSizeSource) -> tuple[PixelSize, ...]:
    known = um is not None and 0 < float(um) < float("inf")
    return (PixelSize(float(um), source),) if known else ()


def _czi(library: Any, path: Path) -> Iterator[Page]:
    with library.open_czi(str(path)) as document:
        record: Any = document.metadata
        for name in ("ImageDocument", "Metadata", "Scaling", "Items", "Distance"):
            record = (record or {}).get(name) if isinstance(record, dict) or record is None else None
        axes = record if isinstance(record, list) else [record or {}]
        metres = next((axis.get("Value") for axis in axes if axis.get("@Id") == "X"), None)
        sizes = _sizes(float(metres) * 1e6 if metres else None, PixelSizeSource.CZI)
        scenes = document.scenes_bounding_rectangle or {None: document.total_bounding_rectangle}
        for scene, box in sorted(scenes.items(), key=lambda item: item[0] or 0):
            decode_rows = partial(_czi_rows, document, scene, box)
            yield Page(box.h, box.w, sizes, partial(decode_rows, 0, box.h), decode_rows)


def _czi_rows(document: Any, scene: int | None, box: Any, top: int, bottom: int) -> RawPixels:
    raw = np.asarray(document.read(roi=(box.x, box.y + top, box.w, bottom - top), scene=scene, plane={"C": 0}))
    return raw[:, :, 0] if raw.shape[2] == 1 else raw[:, :, ::-1]  # Zeiss stores blue first


def _lif(library: Any, path: Path) -> Iterator[Page]:
    with library.LifFile(path) as file:
        fields = [image for image in file.images if {"Y", "X"} <= set(image.sizes)]
        if not fields and len(file.images):
            raise MicrographError(NO_FIELD)
        for image in fields:
            rows, cols = (image.sizes[axis] for axis in "YX")
            um = next(leica_dimensions(image.xml_element), None)
            yield Page(
                rows, cols, _sizes(um, PixelSizeSource.LIF), partial(_first_plane, image.asarray, tuple(image.dims))
            )


def _nd2(library: Any, path: Path) -> Iterator[Page]:
    with library.ND2File(path) as file:
        if not {"Y", "X"} <= set(file.sizes):
            raise MicrographError(NO_FIELD)
        loops = [axis for axis in file.sizes if axis not in "CYXS"]
        shape = tuple(file.sizes[axis] for axis in loops)
        frame_axes = tuple(axis for axis in file.sizes if axis in "CYXS")
        sizes = _sizes(_nd2_um(file), PixelSizeSource.ND2)
        for position in range(file.sizes.get("P", 1)):
            at = tuple(position if axis == "P" else 0 for axis in loops)
            index = int(np.ravel_multi_index(at, shape)) if shape else 0
            frame = partial(_nd2_frame, file, index, frame_axes)
            yield Page(file.sizes["Y"], file.sizes["X"], sizes, frame)


def _nd2_um(file: Any) -> float | None:
    """Return the pixel size; None where the microscope was not calibrated, for which the reader says 1 um."""
    try:
        volume = file.metadata.channels[0].volume
        return float(volume.axesCalibration[0]) if volume.axesCalibrated[0] else None
    except Exception:  # odd metadata say nothing; the pixels are read all the same
        return None


def _nd2_frame(file: Any, index: int, axes: tuple[str, ...]) -> RawPixels:
    raw = _first_plane(partial(file.read_frame, index), axes)
    if not raw.any():  # the reader puts zeros in the place of a frame that is not there
        raise MicrographError("truncated: the file holds no pixels of this frame")
    return raw[:, :, ::-1] if raw.ndim == 3 else raw  # Nikon stores blue first


def _oib(library: Any, path: Path) -> Iterator[Page]:
    with library.OifFile(path) as file:
        if file.mainfile.get("Axis 1 Parameters Common", {}).get("AxisCode", "Y") != "Y":
            raise MicrographError(NO_FIELD)
        first = file.series[0][0]
        with tifffile.TiffFile(file.open_file(first)) as tiff:
            rows, cols = tiff.pages.first.shape[:2]
        yield Page(rows, cols, _sizes(_oib_um(file.mainfile, cols), PixelSizeSource.OIB), partial(file.asarray, first))


def _oib_um(settings: Any, cols: int) -> float | None:
    """Return um per px: as the settings state it, to their three digits, or as the ends of the X axis tell it."""
    reference, axis = (settings.get(name, {}) for name in ("Reference Image Parameter", "Axis 0 Parameters Common"))
    stated = _oib_number(reference.get("WidthConvertValue"), reference.get("WidthUnit", "um"))
    first, last = (_oib_number(axis.get(name), axis.get("UnitName", "um")) for name in ("StartPosition", "EndPosition"))
    if axis.get("AxisCode", "X") != "X" or first is None or last is None:
        return stated
    spanned = abs(last - first) / max(cols - 1, 1)
    # part of a field, or one that was binned, keeps the ends of the whole
    return spanned if stated is None or abs(spanned - stated) <= 0.005 * stated + 0.0005 else stated


def _oib_number(value: Any, unit: Any) -> float | None:
    """Return a length in um; some computers wrote `0,207.0` for 0.207."""
    match = re.match(r"\s*(-?[0-9]+(?:[.,][0-9]+)?(?:e[+-]?[0-9]+)?)", str(value), re.I)
    um_per_unit = UM_PER.get(str(unit).strip().lower())
    return float(match[1].replace(",", ".")) * um_per_unit if match and um_per_unit else None


def _vsi(library: Any, path: Path) -> Iterator[Page]:
    slide = library.open_slide(str(path), "VSI")
    if slide.num_scenes == 0:
        raise MicrographError(f"its pixels are missing: no readable .ets below the folder _{path.stem}_ beside it")
    if _has_plain_colour(path):
        raise MicrographError("cannot decode: its reader mistakes uncompressed colour; save it as TIFF")
    for number in range(slide.num_scenes):
        scene = slide.get_scene(number)
        cols, rows = scene.size
        sizes = _sizes(scene.resolution[0] * 1e6 if scene.resolution[0] else None, PixelSizeSource.VSI)
        decode_rows = partial(_vsi_rows, scene)
        # its pixels lie in other files, so the length of this one is no limit
        yield Page(rows, cols, sizes, partial(decode_rows, 0, rows), decode_rows, pixel_bytes=0)


def _has_plain_colour(path: Path) -> bool:
    """Return whether an ETS has uncompressed tiles of several samples, of which slideio 2.10 gives white."""
    for ets in path.parent.glob(f"_{escape(path.stem)}_/*/*.ets"):
        with open(ets, "rb") as stream:
            head = stream.read(64).ljust(64, b"\0")
            stream.seek(int.from_bytes(head[16:24], "little") % (1 << 62))
            second = stream.read(24).ljust(24, b"\0")
        if int.from_bytes(second[12:16], "little") > 1 and int.from_bytes(second[20:24], "little") == 0:
            return True
    return False


def _vsi_rows(scene: Any, top: int, bottom: int) -> RawPixels:
    raw = np.asarray(scene.read_block((0, top, scene.size[0], bottom - top)))
    # more than red, green and blue are channels of a fluorescence microscope
    return raw[:, :, 0] if raw.ndim == 3 and raw.shape[2] not in (3, 4) else raw


def _first_plane(read: Callable[[], Any], axes: tuple[str, ...]) -> RawPixels:
    """Return (rows, cols[, samples]) of a stack: the first of each further axis."""
    raw = np.asarray(read())
    for place in reversed(range(len(axes))):
        if axes[place] not in "YXS":
            raw = np.take(raw, 0, axis=place)
    return raw


READERS: dict[str, tuple[str, str, Callable[[Any, Path], Iterator[Page]]]] = {
    ".czi": ("Zeiss CZI", "pylibCZIrw.czi", _czi),
    ".lif": ("Leica LIF", "liffile", _lif),
    ".nd2": ("Nikon ND2", "nd2", _nd2),
    ".oib": ("Olympus OIB", "oiffile", _oib),
    ".oif": ("Olympus OIF", "oiffile", _oib),
    ".vsi": ("Olympus VSI", "slideio", _vsi),
}
