"""Read the microscopes' own formats through the readers of the extra `vendor`: CZI, LIF, ND2, OIB, VSI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from gdest.errors import MicrographError
from gdest.reading.picture import Picture, Samples
from gdest.reading.tiff_sizes import leica_dimensions
from gdest.records import PixelSize


def vendor_pictures(path: Path) -> Iterator[Picture]:
    """Yield the scenes or positions of a vendor's file, of a stack the first plane; foreign errors are not translated.

    Raises `MicrographError` when the reader is not installed.
    """
    maker, module, read = READERS[path.suffix.lower()]
    try:
        library = import_module(module)
    except ImportError as error:
        raise MicrographError(f"{maker} needs the extra readers: pip install 'gdest[vendor]'") from error
    yield from read(library, path)


def _sizes(um: Any, source: str) -> tuple[PixelSize, ...]:
    known = um is not None and 0 < float(um) < float("inf")
    return (PixelSize(float(um), source),) if known else ()


def _czi(library: Any, path: Path) -> Iterator[Picture]:
    with library.open_czi(str(path)) as document:
        record: Any = document.metadata
        for name in ("ImageDocument", "Metadata", "Scaling", "Items", "Distance"):
            record = (record or {}).get(name) if isinstance(record, dict) or record is None else None
        axes = record if isinstance(record, list) else [record or {}]
        metres = next((axis.get("Value") for axis in axes if axis.get("@Id") == "X"), None)
        sizes = _sizes(float(metres) * 1e6 if metres else None, "czi")
        scenes = document.scenes_bounding_rectangle or {None: document.total_bounding_rectangle}
        for scene, box in sorted(scenes.items(), key=lambda item: item[0] or 0):
            band = partial(_czi_band, document, scene, box)
            yield Picture(box.h, box.w, sizes, partial(band, 0, box.h), band)


def _czi_band(document: Any, scene: int | None, box: Any, top: int, bottom: int) -> Samples:
    samples = np.asarray(document.read(roi=(box.x, box.y + top, box.w, bottom - top), scene=scene, plane={"C": 0}))
    return samples[:, :, 0] if samples.shape[2] == 1 else samples[:, :, ::-1]  # Zeiss stores blue first


def _lif(library: Any, path: Path) -> Iterator[Picture]:
    with library.LifFile(path) as file:
        for image in file.images:
            rows, cols = (image.sizes[axis] for axis in "YX")
            um = next(leica_dimensions(image.xml_element), None)
            yield Picture(rows, cols, _sizes(um, "lif"), partial(_first_plane, image.asarray, tuple(image.dims)))


def _nd2(library: Any, path: Path) -> Iterator[Picture]:
    with library.ND2File(path) as file:
        sizes = _sizes(file.voxel_size().x, "nd2")
        loops = [axis for axis in file.sizes if axis not in "CYXS"]
        shape = tuple(file.sizes[axis] for axis in loops)
        frame_axes = tuple(axis for axis in file.sizes if axis in "CYXS")
        for position in range(file.sizes.get("P", 1)):
            at = tuple(position if axis == "P" else 0 for axis in loops)
            index = int(np.ravel_multi_index(at, shape)) if shape else 0
            frame = partial(file.read_frame, index)
            yield Picture(file.sizes["Y"], file.sizes["X"], sizes, partial(_first_plane, frame, frame_axes))


def _oib(library: Any, path: Path) -> Iterator[Picture]:
    with library.OifFile(path) as file:
        axis = file.mainfile["Axis 0 Parameters Common"]
        steps = max(int(axis["MaxSize"]) - 1, 1)
        um_per_unit = {"um": 1.0, "nm": 1e-3, "mm": 1e3}.get(str(axis.get("UnitName", "um")).strip())
        length = abs(float(axis["EndPosition"]) - float(axis["StartPosition"]))
        sizes = _sizes(length / steps * um_per_unit if um_per_unit else None, "oib")
        (rows, cols), dims = (file.shape[file.axes.index(axis)] for axis in "YX"), tuple(file.axes)
        yield Picture(rows, cols, sizes, partial(_first_plane, file.asarray, dims))


def _vsi(library: Any, path: Path) -> Iterator[Picture]:
    slide = library.open_slide(str(path), "VSI")
    for number in range(slide.num_scenes):
        scene = slide.get_scene(number)
        cols, rows = scene.size
        sizes = _sizes(scene.resolution[0] * 1e6 if scene.resolution[0] else None, "vsi")
        band = partial(_vsi_band, scene)
        # its pixels lie in other files, so that its own length says nothing
        yield Picture(rows, cols, sizes, partial(band, 0, rows), band, sample_bytes=0)


def _vsi_band(scene: Any, top: int, bottom: int) -> Samples:
    return np.asarray(scene.read_block((0, top, scene.size[0], bottom - top)))


def _first_plane(read: Callable[[], Any], axes: tuple[str, ...]) -> Samples:
    """Return (rows, cols[, samples]) of a stack: the first of each further axis."""
    samples = np.asarray(read())
    for place in reversed(range(len(axes))):
        if axes[place] not in "YXS":
            samples = np.take(samples, 0, axis=place)
    return samples


READERS: dict[str, tuple[str, str, Callable[[Any, Path], Iterator[Picture]]]] = {
    ".czi": ("Zeiss CZI", "pylibCZIrw.czi", _czi),
    ".lif": ("Leica LIF", "liffile", _lif),
    ".nd2": ("Nikon ND2", "nd2", _nd2),
    ".oib": ("Olympus OIB", "oiffile", _oib),
    ".vsi": ("Olympus VSI", "slideio", _vsi),
}
