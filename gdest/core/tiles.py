"""Name tiles by the picture they lie in and their corners; pixels are cut where they are needed, on a GPU there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class GreyImage:
    """Hold a grey picture `pixels` (rows, cols) uint8, or a larger one that it is the half of.

    `device_copy` is the copy that a predictor keeps on its device, made once, under `lock`; None without one.
    """

    shape: tuple[int, ...]

    def __init__(self, pixels: NDArray[np.uint8] | None, whole: GreyImage | None = None) -> None:
        if whole is not None:
            self.shape = tuple(-(-side // 2) for side in whole.shape)
        elif pixels is not None:
            self.shape = pixels.shape
        else:
            raise ValueError("a grey image has pixels, or is the half of another")
        self._pixels, self.whole = pixels, whole
        self.device_copy: object = None
        self.lock = threading.Lock()

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """Return the pixels (rows, cols) uint8."""
        if self._pixels is None:
            assert self.whole is not None
            self._pixels = halve(self.whole.pixels)
        return self._pixels

    def halved(self) -> GreyImage:
        """Return the image at half the size; a device that has a copy of this one halves it there."""
        return GreyImage(None if self.device_copy else halve(self.pixels), self)


@dataclass(frozen=True)
class Tiles:
    """Name n tiles of an image by their upper left corners (n, 2), row and column, in px of the image.

    Tiles that are `enlarged` are squares of half the side, shown at twice the size.
    """

    image: GreyImage
    corners: NDArray[np.int64]
    side: int
    enlarged: bool = field(default=False, kw_only=True)

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, numbers: slice) -> Tiles:
        """Return some of the tiles."""
        return replace(self, corners=self.corners[numbers])

    @property
    def source_px(self) -> int:
        """Return the side of the squares that are cut, in px of the image."""
        return self.side // 2 if self.enlarged else self.side

    def cut(self) -> NDArray[np.uint8]:
        """Return the pixels of the tiles, (n, side, side) uint8."""
        pixels, side = self.image.pixels, self.source_px
        parts = [pixels[top : top + side, left : left + side] for top, left in self.corners]
        return np.stack([_enlarged(part) for part in parts] if self.enlarged else parts)


def cut_parts(parts: Sequence[Tiles]) -> NDArray[np.uint8]:
    """Return the pixels of the tiles of several images, one after another, (n, side, side) uint8."""
    return np.concatenate([part.cut() for part in parts])


def some_of(parts: Sequence[Tiles], start: int, stop: int) -> list[Tiles]:
    """Return the tiles from `start` to `stop`, counted through all parts; parts without any are left out."""
    ends = np.cumsum([len(part) for part in parts])
    begins = ends - [len(part) for part in parts]
    return [
        part[max(start - begin, 0) : stop - begin]
        for part, begin, end in zip(parts, begins.tolist(), ends.tolist(), strict=True)
        if max(start, begin) < min(stop, end)
    ]


def tiles_of(pixels: NDArray[np.uint8]) -> Tiles:
    """Return tiles (n, side, side) whose pixels are cut already as a predictor takes them."""
    count, side, _ = pixels.shape
    corners = np.stack([np.arange(count) * side, np.zeros(count)], axis=1).astype(np.int64)
    return Tiles(GreyImage(pixels.reshape(count * side, side)), corners, side)


def halve(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) at half the size, each the mean of four."""
    return np.asarray(Image.fromarray(pixels).reduce(2))


def _enlarged(part: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, cols = part.shape
    return np.asarray(Image.fromarray(part).resize((2 * cols, 2 * rows), Image.Resampling.BILINEAR))


@dataclass(frozen=True)
class Regions:
    """Hold a picture too large for the memory: its `shape`, and `read(top, bottom)` for grey pixels of some rows.

    `source` is kept alive with it, such as the generator that holds the file open.
    """

    shape: tuple[int, int]
    read: Callable[[int, int], NDArray[np.uint8]]
    source: object = None

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        """Return the grey pixels of some rows, uint8; the step is 1."""
        top, bottom, _ = rows.indices(self.shape[0])
        return self.read(top, bottom)
