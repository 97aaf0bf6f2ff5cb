"""Hold the pixels that tiles are cut from, until whoever looks at the tiles cuts them: on a GPU, there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class GreyImage:
    """Hold a grey picture `pixels` (rows, cols) uint8, or that it is the half of another sheet.

    `held` belongs to a predictor that cuts tiles on a device: the copy there, made once; a half is made of its whole.
    """

    shape: tuple[int, ...]

    def __init__(self, pixels: NDArray[np.uint8] | None, whole: GreyImage | None = None) -> None:
        if whole is not None:
            self.shape = tuple(-(-side // 2) for side in whole.shape)
        elif pixels is not None:
            self.shape = pixels.shape
        else:
            raise ValueError("a sheet has pixels, or is the half of another")
        self._pixels, self.whole = pixels, whole
        self.held: object = None
        self.lock = threading.Lock()

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """Return the pixels (rows, cols) uint8."""
        if self._pixels is None:
            assert self.whole is not None
            self._pixels = halve(self.whole.pixels)
        return self._pixels

    def halved(self) -> GreyImage:
        """Return the sheet at half the size; at once, unless a device holds this one and will halve it there."""
        return GreyImage(None if self.held else halve(self.pixels), self)


@dataclass(frozen=True)
class Tiles:
    """Name n tiles of a sheet by their upper left corners (n, 2), row and column, in px of the sheet.

    Tiles that are `enlarged` are squares of half the side, shown at twice the size.
    """

    sheet: GreyImage
    corners: NDArray[np.int64]
    side: int
    enlarged: bool = field(default=False, kw_only=True)

    def __len__(self) -> int:
        return len(self.corners)

    def some(self, start: int, stop: int) -> Tiles:
        """Return those from `start` to `stop`."""
        return replace(self, corners=self.corners[start:stop])

    @property
    def source_px(self) -> int:
        """Return the side of what is cut, in px of the sheet."""
        return self.side // 2 if self.enlarged else self.side

    def cut(self) -> NDArray[np.uint8]:
        """Return the tiles, (n, side, side) uint8."""
        pixels, side = self.sheet.pixels, self.source_px
        parts = [pixels[top : top + side, left : left + side] for top, left in self.corners]
        return np.stack([_enlarged(part) for part in parts] if self.enlarged else parts)


def cut(parts: Sequence[Tiles]) -> NDArray[np.uint8]:
    """Return the tiles of several sheets, (n, side, side) uint8."""
    return np.concatenate([part.cut() for part in parts])


def some_of(parts: Sequence[Tiles], start: int, stop: int) -> list[Tiles]:
    """Return the tiles from `start` to `stop`, counted through all parts."""
    ends = np.cumsum([len(part) for part in parts])
    begins = ends - [len(part) for part in parts]
    return [
        part.some(max(start - begin, 0), stop - begin)
        for part, begin, end in zip(parts, begins.tolist(), ends.tolist(), strict=True)
        if begin < stop and start < end
    ]


def tiles_of(pixels: NDArray[np.uint8]) -> Tiles:
    """Return tiles (n, side, side) that are cut already, as they are handed to a predictor."""
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
    """Hold a picture that is read region by region: `shape` and, for each range of rows, grey pixels.

    `source` is what must live on for the rows to be read, such as the reader that holds the file open.
    """

    shape: tuple[int, int]
    read: Callable[[int, int], NDArray[np.uint8]]
    source: object = None

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        """Return the grey pixels of some rows, uint8; the step is 1."""
        top, bottom, _ = rows.indices(self.shape[0])
        return self.read(top, bottom)
