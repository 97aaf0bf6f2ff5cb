"""The frozen nouns that travel between the steps."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gdest.core.counted import BoundaryField, GrainCount
from gdest.core.tiles import Regions
from gdest.core.words import NO_METAL, PixelSizeSource, Status


@dataclass(frozen=True, slots=True, init=False)
class ImageFile:
    """Name one file of an archive: where it lies, and its path relative to its root with `/`.

    The place is kept as text, a quarter of a `Path`, since an archive holds millions of files.
    """

    place: str
    name: str

    def __init__(self, path: str | Path, name: str) -> None:
        """Take the path in either form; a micrograph that was never a file has none."""
        object.__setattr__(self, "place", path and os.fspath(path))
        object.__setattr__(self, "name", name)

    @property
    def path(self) -> Path:
        """Return where the file lies."""
        return self.place and Path(self.place)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class FileState:
    """Identify a file of the archive: its name there, and what it was when it was read.

    `again` means that the next scan must read it again, since the fault may pass (a stalled share).
    """

    name: str
    path: str
    size: int
    mtime_ns: int
    sha256: str | None = None
    again: bool = False


@dataclass(frozen=True)
class PixelSize:
    """Hold what one source says of the pixel size; `dropped` is why it does not count, empty where it does."""

    um_per_px: float
    source: PixelSizeSource
    dropped: str = ""


@dataclass(frozen=True, repr=False)
class Micrograph:
    """Hold one field of view: grey pixels (rows, cols) uint8 and the pixel size in um, if known.

    Of a picture too large for the memory, `pixels` is every second (fourth...) pixel of every second row, for
    drawing, and `regions` reads the full rows. `not_metal` marks cells of `cell_px` px a side that must not be
    graded: banners, scale bars, mounting, reflections; None means there are none. `doubts` are reasons for a person
    to look at it, found while reading. `fingerprint` is alike for pictures of one field. `colour` is the picture as
    the file has it, (rows, cols, 3) uint8, shrunk for showing; None of a grey file.
    """

    file: ImageFile
    pixels: NDArray[np.uint8]
    um_per_px: float | None
    um_per_px_source: str
    sha256: str
    doubts: tuple[str, ...] = ()
    not_metal: NDArray[np.bool_] | None = None
    cell_px: int = 1
    regions: Regions | None = None
    fingerprint: str = ""
    colour: NDArray[np.uint8] | None = None

    def __repr__(self) -> str:
        """Return what tells it from others in a notebook, not its pixels."""
        size = "unknown pixel size" if self.um_per_px is None else f"{self.um_per_px:g} um/px ({self.um_per_px_source})"
        return f"Micrograph({self.file.name!r}, {self.rows} x {self.cols} px, {size})"

    def without_pixels(self) -> Micrograph:
        """Return what is told of it, when it has been graded and drawn, without what takes memory."""
        size = Regions((self.rows, self.cols), _let_go)
        return replace(self, pixels=np.empty((0, 0), np.uint8), regions=size, not_metal=None, colour=None)

    @property
    def rows(self) -> int:
        """Return the height in px."""
        return int(self.regions.shape[0]) if self.regions else int(self.pixels.shape[0])

    @property
    def cols(self) -> int:
        """Return the width in px."""
        return int(self.regions.shape[1]) if self.regions else int(self.pixels.shape[1])


def _let_go(_top: int, _bottom: int) -> NDArray[np.uint8]:
    raise RuntimeError("the pixels of this micrograph were let go")


@dataclass(frozen=True)
class TileGrid:
    """Say where the tiles of an image lie: upper edges (n_rows,) and left edges (n_cols,) in px."""

    tops: tuple[int, ...]
    lefts: tuple[int, ...]
    tile_px: int

    @property
    def shape(self) -> tuple[int, int]:
        """Return the number of tile rows and tile columns."""
        return len(self.tops), len(self.lefts)


@dataclass(frozen=True)
class TileAnswers:
    """Hold what a model answers for n tiles.

    `g_seen` (n,); `unfit` (n, 4), for each of `UNFIT` the log odds against a gradeable tile; `novelty`
    (n,), the distance from the training tiles, about 1 among them. Without a judge, the last two are NaN.
    `boundaries` (n, 3, side / 2, side / 2) uint8 is there where it was asked for: for each of `BOUNDARY_CLASSES` its
    probability, 255 is sure, at half the tile's resolution. `places` (n, 7, 7) is by how much G_seen at each 32 px of
    a tile of 224 differs from the tile's, the mean of its places; None where the engine or the head does not tell it.
    """

    g_seen: NDArray[np.float32]
    unfit: NDArray[np.float32]
    novelty: NDArray[np.float32]
    boundaries: NDArray[np.uint8] | None = None
    places: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class GradeMap:
    """Hold one G_seen per tile as they lie, float32, NaN where there is none (a tile that shows no metal).

    `zoom` is the size of the graded picture relative to the file's pixels (1, 1/2, 1/4): `grid`
    counts in px of the graded picture. G_seen is what the model saw, at its reference pixel size,
    moved to the file's own pixels. `doubts` holds one number per name in the card's `limits`, NaN
    where it could not be measured. Where halving left too few tiles to show how they lie, `closer` is the map of
    the larger picture, whose tiles hold fewer grains. `boundaries` are the fields to count grains on, where boundaries
    were asked for, `boundaries_at_half` those of the picture at half the size, where that was looked at; they are
    large, and not kept once they have been counted on. `places` (rows, cols, 7, 7) float16 are those of the tiles, for
    drawing: a single one is too noisy to be read. `other_size_by` is by how many G the picture reads finer at the size
    that the whole field might have been graded at, of which this is only a part; NaN where there is no doubt.
    """

    g_seen: NDArray[np.float32]
    grid: TileGrid
    zoom: float
    tiles: int
    doubts: dict[str, float] = field(default_factory=dict)
    closer: GradeMap | None = None
    boundaries: tuple[BoundaryField, ...] = ()
    boundaries_at_half: tuple[BoundaryField, ...] = ()
    places: NDArray[np.float16] | None = None
    other_size_by: float = float("nan")


@dataclass(frozen=True)
class GradeStatistics:
    """Hold what a grade map says of one micrograph; G values still as seen, without calibration.

    `homogeneity_span` holds the coarsest and the finest G where `homogeneity_note` names them.
    """

    g: float
    g_low: float
    g_high: float
    g_from_density: float
    g_sd: float
    g_min: float
    g_max: float
    within_half_g: float
    homogeneity: str
    homogeneity_note: str = ""
    homogeneity_span: tuple[float, ...] = ()


@dataclass(frozen=True)
class Graded:
    """Hold one row of the report: a micrograph and what is known of it.

    G values are None when the pixel size is unknown. `count` is what was counted, None where nobody asked for it.
    """

    micrograph: Micrograph
    grade_map: GradeMap = field(repr=False)
    status: Status
    reason: str
    g_seen: float
    statistics: GradeStatistics | None
    homogeneity: str
    graded_at: str
    homogeneity_note: str = ""
    g_intercept: float | None = None
    intercepts: int | None = None
    count: GrainCount | None = field(default=None, repr=False)

    @property
    def shows_no_metal(self) -> bool:
        """Return whether its picture shows nothing to grade: what was read off it is no G."""
        return self.reason.startswith(NO_METAL)

    @property
    def shift(self) -> float:
        """Return what pixel size and count add to G seen; 0 where the pixel size is unknown."""
        return self.statistics.g - self.g_seen if self.statistics else 0.0


@dataclass(frozen=True)
class Failed:
    """Hold one row of the report for a file that could not be graded.

    `again` means that the fault is not in the file and may pass (a stalled share), so the next scan tries again.
    """

    file: ImageFile
    reason: str
    sha256: str | None
    graded_at: str
    again: bool = False


Row = Graded | Failed


def now() -> str:
    """Return the time in UTC to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
