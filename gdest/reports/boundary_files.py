"""Write the boundaries that were counted for other programs, and read back what a person corrected by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tifffile
from contourpy import contour_generator
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from gdest.core import (
    NEIGHBOURS,
    BoundaryField,
    DataError,
    Mark,
    Micrograph,
    in_plain_words,
    require,
    write_atomically,
)
from gdest.reports.marks import LOOKS

DARK = 128
"""A pixel darker than this is a boundary; in a probability of 0..255 the same number is even odds."""

MOST_DARK = 0.5
GAP_PX = 6.0
"""Between the grains of a label map a gap of up to twice this is their boundary; a wider one shows no grains."""

Labels = NDArray[np.int32]


@dataclass(frozen=True)
class CountedField:
    """Hold one part of a micrograph with its closed grains: a number per cell (rows, cols), 0 where there is none."""

    field: BoundaryField
    labels: Labels


def whole_labels(parts: Sequence[CountedField], shape: tuple[int, int]) -> Labels:
    """Return the grains of all parts, numbered on, at each px of the file (rows, cols); 0 where there is none."""
    whole, first = np.zeros(shape, np.int32), 0
    for part in parts:
        rows, cols, place = _spread(part.field, shape)
        spread = part.labels[np.ix_(rows, cols)]
        whole[place] = np.where(spread > 0, spread + first, whole[place])
        first += int(part.labels.max(initial=0))
    return whole


def boundary_picture(parts: Sequence[CountedField], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the boundaries as black lines on white (rows, cols) uint8, in the size of the file.

    Lines lie between closed grains, two px wide where the map leaves a gap, and along boundaries that close none.
    """
    labels, likely = whole_labels(parts, shape), np.zeros(shape, bool)
    for part in parts:
        rows, cols, place = _spread(part.field, shape)
        likely[place] |= part.field.grain[np.ix_(rows, cols)] >= DARK
    likely &= labels == 0
    grains = labels.max(initial=0)
    regions = np.where(labels > 0, labels, ndimage.label((labels == 0) & ~likely)[0] + grains)
    regions[likely] = 0
    if not regions.any():
        return np.where(likely, 0, 255).astype(np.uint8)
    regions = _nearest(regions)
    open_ends = likely & (regions > grains)  # the half of a boundary that lies where nothing is closed
    return np.where(_borders(regions) | open_ends, 0, 255).astype(np.uint8)


def _borders(labels: Labels) -> NDArray[np.bool_]:
    """Return the px on both sides of where two labels meet (rows, cols): lines of two px."""
    lines = np.zeros(labels.shape, bool)
    for one, other in NEIGHBOURS:
        differs = labels[one] != labels[other]
        lines[one] |= differs
        lines[other] |= differs
    return lines


def _nearest(labels: Labels, within_px: float = np.inf) -> Labels:
    """Return labels (rows, cols), of which some are not 0, with the nearest one at each px that has none."""
    if labels.all():
        return labels
    distance, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    return np.where(distance <= within_px, labels[tuple(nearest)], 0)


def _spread(
    field: BoundaryField, shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[slice, slice]]:
    """Return the rows and columns of cells that lie under each px, and the place of these px in the file."""
    found, slices = [], []
    for count, start, side in zip(field.grain.shape, (field.top, field.left), shape, strict=True):
        cells = np.floor((np.arange(side) + 0.5 - start) / field.cell_px).astype(np.int64)
        inside = np.flatnonzero((cells >= 0) & (cells < count))
        found.append(cells[inside])
        slices.append(slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0))
    return found[0], found[1], (slices[0], slices[1])


def write_boundaries(parts: Sequence[CountedField], shape: tuple[int, int], path: Path) -> None:
    """Write the boundaries as a black and white PNG; raise `OutputError`."""
    picture = Image.fromarray(boundary_picture(parts, shape)).convert("1")
    write_atomically(path, lambda temporary: picture.save(temporary, "PNG", optimize=True))


def write_labels(parts: Sequence[CountedField], shape: tuple[int, int], um_per_px: float | None, path: Path) -> None:
    """Write the numbers of the grains as a TIFF of 16 bits, 32 where there are more; raise `OutputError`."""
    labels = whole_labels(parts, shape)
    kept = labels.astype(np.uint16 if labels.max(initial=0) < 1 << 16 else np.uint32)
    per_cm = (1e4 / um_per_px,) * 2 if um_per_px else None
    write_atomically(
        path,
        lambda temporary: tifffile.imwrite(
            temporary,
            kept,
            compression="zlib",
            photometric="minisblack",
            resolution=per_cm,
            resolutionunit="CENTIMETER" if per_cm else None,
        ),
    )


def grain_outlines(parts: Sequence[CountedField]) -> Iterator[tuple[int, NDArray[np.float64], float]]:
    """Yield the number of each closed grain, its outline (n, 2) x and y in px of the file, and its area in px.

    A px reaches from its number to the next, so that the first one's middle is 0.5. The outline is closed.
    """
    first = 0
    for part in parts:
        cell, field = part.field.cell_px, part.field
        for number, box in enumerate(ndimage.find_objects(part.labels), start=1):
            if box is None:
                continue
            mask = np.pad(part.labels[box] == number, 1).astype(np.float64)
            lines = contour_generator(z=mask).lines(0.5)
            outer = max((np.asarray(line, np.float64) for line in lines), key=_enclosed)
            corner = (box[1].start - 0.5, box[0].start - 0.5)  # the rim of the box, less the middle of a cell
            yield number + first, (outer + corner) * cell + (field.left, field.top), float(mask.sum()) * cell**2
        first += int(part.labels.max(initial=0))


def _enclosed(line: NDArray[np.float64]) -> float:
    x, y = line.T
    return float(abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2.0)


def write_geojson(parts: Sequence[CountedField], um_per_px: float | None, path: Path) -> None:
    """Write the grains as annotations that QuPath opens; raise `OutputError`."""
    features = []
    for number, outline, area_px in grain_outlines(parts):
        properties: dict[str, object] = {"objectType": "annotation", "name": f"{number}"}
        properties["classification"] = {"name": "Grain", "color": LOOKS[Mark.GRAIN].colour}
        if um_per_px:
            properties["measurements"] = {"area um2": round(area_px * um_per_px**2, 3)}
        geometry = {"type": "Polygon", "coordinates": [np.round(outline, 2).tolist()]}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    text = json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":"))
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def require_rois() -> None:
    """Raise `SettingsError` where the writer of ImageJ's regions is not installed."""
    require(find_spec("roifile") is not None, "--rois needs roifile: pip install 'gdest[roi]'.")


def write_rois(parts: Sequence[CountedField], path: Path) -> None:
    """Write the grains as a ZIP of regions that ImageJ's ROI manager opens; raise `OutputError`."""
    from roifile import ImagejRoi, roiwrite

    rois = [
        ImagejRoi.frompoints(outline[:-1].astype(np.float32), name=f"{number:05d}")
        for number, outline, _ in grain_outlines(parts)
    ]
    write_atomically(path, lambda temporary: roiwrite(temporary, rois, mode="w"))


def read_corrected(path: Path, micrograph: Micrograph) -> BoundaryField:
    """Return the boundaries that a person drew, sure at each px of the micrograph; raise `DataError`.

    A picture has dark lines on a light ground. A TIFF of 16 or 32 bits holds the numbers of the grains.
    """
    shape = (micrograph.rows, micrograph.cols)
    labels = _read_labels(path) if path.suffix.lower() in (".tif", ".tiff") else None
    usable = _usable_px(micrograph)
    if labels is None:
        drawn = _read_picture(path) < DARK
        lines = ndimage.binary_dilation(drawn, np.ones((2, 2)))  # a line of one px has gaps at its corners
        _check_shape(drawn.shape, shape, path)
        if drawn.mean() > MOST_DARK:
            raise DataError(f"{path}: more than half of it is dark; boundaries are drawn dark on white.")
    else:
        _check_shape(labels.shape, shape, path)
        labels = _nearest(labels, GAP_PX) if labels.any() else labels
        lines, shows_grains = _borders(labels), labels > 0
        usable = shows_grains if usable is None else usable & shows_grains
    nothing = np.zeros(shape, np.uint8)
    return BoundaryField(np.where(lines, 255, 0).astype(np.uint8), nothing, nothing, cell_px=1.0, usable=usable)


def _check_shape(found: tuple[int, ...], shape: tuple[int, int], path: Path) -> None:
    if found != shape:
        raise DataError(f"{path} is {found[1]}x{found[0]} px, the micrograph {shape[1]}x{shape[0]} px.")


def _read_labels(path: Path) -> Labels | None:
    """Return the numbers of the grains, None for a TIFF that is a picture."""
    try:
        found = tifffile.imread(path)
    except Exception as error:  # decoders raise anything
        raise DataError(f"{path} cannot be read: {in_plain_words(error)}.") from error
    if found.ndim != 2 or found.dtype.itemsize == 1:
        return None
    labels = found.astype(np.int64)
    if (labels != found).any() or labels.min(initial=0) < 0 or labels.max(initial=0) >= 1 << 31:
        raise DataError(f"{path} holds other numbers than those of grains: 0, 1, 2...")
    return labels.astype(np.int32)


def _read_picture(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            drawn = image.convert("RGBA")
    except Exception as error:  # decoders raise anything
        raise DataError(f"{path} cannot be read: {in_plain_words(error)}.") from error
    white = Image.new("RGBA", drawn.size, "white")
    return np.asarray(Image.alpha_composite(white, drawn).convert("L"))


def _usable_px(micrograph: Micrograph) -> NDArray[np.bool_] | None:
    """Return which px of a micrograph show metal (rows, cols); None for all."""
    if micrograph.not_metal is None:
        return None
    side = micrograph.cell_px
    usable = ~np.repeat(np.repeat(micrograph.not_metal, side, axis=0), side, axis=1)
    missing = [
        (0, max(0, wanted - has)) for wanted, has in zip((micrograph.rows, micrograph.cols), usable.shape, strict=True)
    ]
    return np.pad(usable, missing, constant_values=True)[: micrograph.rows, : micrograph.cols]
