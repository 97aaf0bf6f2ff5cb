"""Find a burnt-in scale bar, and read the number beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib.util import find_spec
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdest.core import CalibrationSettings, MicrographError, PixelSize, PixelSizeSource, SettingsError

SHORTEST_PX, SHORTEST_SHARE, LONGEST_SHARE = 30, 0.02, 0.9
"""A bar's length: in px and as a share of the picture's width."""

LEAST_ASPECT, LEAST_ROWS, MOST_ROWS = 6, 2, 40
VIVID, WHITE, BLACK = 90, 245, 10
"""Grey levels of overlays: the span between the channels of a vivid colour, the least white, the most black."""

END_WITHIN_PX = 2
MOST_BARS = 6
NUMBER = re.compile(r"(?<![0-9.,/:-])([0-9]{1,5}(?:[.,][0-9]{1,3})?)\s*(nm|mm|[µμupy]\s*m|microns?)(?![a-z])", re.I)
"""The number and the unit; a mu is often read as u, p or y."""

ENLARGE = (1, 2, 3)

RIM_PX, SAME_WITHIN = 6, 0.02
"""A bar's own outline, or the same bar in another colour, differs by so much."""

MOST_NAMED_LINES = 4
MEASURED = re.compile(r"=|\b(?:length|line|dist|distance|l[\u00e4a]nge|abstand|diameter|radius)\b", re.I)
"""What programs write beside measuring lines: `L1=87.3 um`, `Length: 87.3 um`."""

ROUND_DIGITS, ROUND_LENGTHS = 2, ("125", "375", "625")
"""Scale bars are 1, 25, 50, 100, 250 or 125 units long, not 87.3."""

NEEDED = "reading a scale bar's number needs an extra: pip install 'gdest[ocr]', or state --scale-bar-um"
NO_BAR, NO_NUMBER = "no scale bar was found in the picture", "no number with a unit was read beside a scale bar"
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ScaleBar:
    """Hold where a bar lies, in px: rows top..bottom and columns left..right, the last ones included."""

    top: int
    bottom: int
    left: int
    right: int
    ticked: bool

    @property
    def length_px(self) -> int:
        """Return the length: between the middles of its end ticks, else from edge to edge."""
        return self.right - self.left + (0 if self.ticked else 1)


def scale_bar_size(
    overview: NDArray[np.uint8], step: int, stated_um: float | None
) -> tuple[list[PixelSize], tuple[str, ...]]:
    """Return the pixel size by the scale bar in a picture, none without a bar, and what makes it doubtful.

    `overview` (rows, cols[, 3]) is every `step`-th pixel of every `step`-th row. The length of the bar in um is the
    stated one, else the number beside the bar. A second line of another length may be the bar as well: people draw
    measuring lines. Without a size the doubt says what is missing. Raises `MicrographError` when RapidOCR is not there.
    """
    bars = find_scale_bars(overview)
    for bar in bars:
        label = None if stated_um is not None else read_label(overview, bar)
        um = stated_um if label is None else length_um(label)
        if um is not None:
            doubts = [*_other_lines(bars, bar, step), *(() if label is None else _doubts_of_label(label, um))]
            return [PixelSize(um / (bar.length_px * step), PixelSizeSource.SCALE_BAR)], tuple(doubts)
    return [], (NO_NUMBER if bars else NO_BAR,)


def _other_lines(bars: Sequence[ScaleBar], taken: ScaleBar, step: int) -> Iterator[str]:
    """Yield a doubt where a line of another length may be the bar; the rim of the bar itself is no other line."""
    lengths = {taken.length_px * step}
    for bar in bars:
        inside = taken.top - RIM_PX <= bar.top and bar.bottom <= taken.bottom + RIM_PX
        same = abs(bar.length_px - taken.length_px) <= max(RIM_PX, SAME_WITHIN * taken.length_px)
        if not (same or (inside and taken.left - RIM_PX <= bar.left and bar.right <= taken.right + RIM_PX)):
            lengths.add(bar.length_px * step)
    if len(lengths) > 1:
        words = ", ".join(f"{length} px" for length in sorted(lengths, reverse=True)[:MOST_NAMED_LINES])
        yield f"several lines may be the scale bar ({words})"


def _doubts_of_label(label: str, um: float) -> Iterator[str]:
    """Yield a doubt where the number beside a line is that of a measurement; a scale bar has a round length."""
    digits = f"{um:.6g}".replace(".", "").strip("0")
    round_length = len(digits) <= ROUND_DIGITS or digits in ROUND_LENGTHS
    if MEASURED.search(label) or not round_length:
        yield f'the line beside "{label.strip()}" may be a measuring line, not the scale bar'


def find_scale_bars(overview: NDArray[np.uint8]) -> list[ScaleBar]:
    """Return the horizontal bars in a colour of overlays: vivid ones first, then white, then black; long ones first."""
    found = []
    for mask in overlay_masks(overview):
        bars = sorted(_bars(mask), key=lambda bar: -bar.length_px)
        found += bars[:MOST_BARS]
    return found


def overlay_masks(overview: NDArray[np.uint8]) -> Iterator[NDArray[np.bool_]]:
    """Yield masks (rows, cols) of where a picture (rows, cols[, 3]) is vivid, white and black."""
    if overview.ndim == 3:
        channels = [overview[:, :, channel] for channel in range(3)]
        darkest, brightest = reduce(np.minimum, channels), reduce(np.maximum, channels)
        vivid = brightest - darkest > VIVID
        # an overlay is small: colour all over the picture is the light or the etchant
        if vivid.mean() < 0.05:
            yield vivid
    else:
        darkest = brightest = overview
    yield darkest >= WHITE
    yield brightest <= BLACK


def _bars(mask: NDArray[np.bool_]) -> Iterator[ScaleBar]:
    cols = mask.shape[1]
    shortest = max(SHORTEST_PX, SHORTEST_SHARE * cols)
    some = mask[:, :: SHORTEST_PX // 3]  # a bar fills three in a row of these, which few other things do
    crowded = np.flatnonzero((some[:, :-2] & some[:, 1:-1] & some[:, 2:]).any(axis=1))
    if not len(crowded):
        return
    # the rows one after the other, a False between two, so that starts and ends of runs alternate
    flat = np.zeros(len(crowded) * (cols + 1) + 1, bool)
    flat[:-1].reshape(len(crowded), cols + 1)[:, 1:] = mask[crowded]
    turns = np.flatnonzero(flat[1:] != flat[:-1])
    row, left = np.divmod(turns[::2], cols + 1)
    length = turns[1::2] - turns[::2]
    long = (length >= shortest) & (length <= LONGEST_SHARE * cols)
    for top, bottom, first, last in _stacks(crowded[row[long]], left[long], (left + length - 1)[long]):
        if _stands_alone(mask, top, bottom, first, last):
            yield ScaleBar(top, bottom, first, last, _has_ticks(mask, top, bottom, first, last))


def _stacks(row: Ints, left: Ints, right: Ints) -> Iterator[tuple[int, int, int, int]]:
    """Yield (top, bottom, left, right) of stacked runs that start and end alike and have a bar's shape.

    The runs (n,) are sorted by row and column. Each run is longer than the difference that is allowed, so at most
    one run in the next row is alike.
    """
    if not len(row):
        return
    width = int(right.max()) + 1
    place = row * width + left
    below = np.minimum(np.searchsorted(place, place + width - END_WITHIN_PX), len(row) - 1)
    alike = (row[below] == row + 1) & (np.abs(left[below] - left) <= END_WITHIN_PX)
    alike &= np.abs(right[below] - right) <= END_WITHIN_PX
    is_top = np.ones(len(row), bool)
    is_top[below[alike]] = False
    here = np.flatnonzero(is_top)
    top, first, last = row[here], left[here], right[here]
    for thick in range(1, MOST_ROWS + 1):
        goes_on = alike[here]
        if thick >= LEAST_ROWS:
            ended = ~goes_on & (last - first + 1 >= LEAST_ASPECT * thick)
            yield from zip(*(end[ended].tolist() for end in (top, top + thick - 1, first, last)), strict=True)
        here, top = below[here[goes_on]], top[goes_on]
        first, last = np.minimum(first[goes_on], left[here]), np.maximum(last[goes_on], right[here])


def _stands_alone(mask: NDArray[np.bool_], top: int, bottom: int, left: int, right: int) -> bool:
    """Return whether the rows a little above and below are of another colour: a bar, not a white grain."""
    inset = max(3, (right - left) // 12)
    inside = slice(left + inset, right - inset + 1)
    most = 0.3 * (inside.stop - inside.start)
    rows = (top - 3, bottom + 3)
    return all(0 <= row < len(mask) and np.count_nonzero(mask[row, inside]) <= most for row in rows)


def _has_ticks(mask: NDArray[np.bool_], top: int, bottom: int, left: int, right: int) -> bool:
    """Return whether both ends carry a vertical stroke that reaches beyond the bar."""
    reach = max(2, (bottom - top + 1) // 2)
    above, below = max(top - reach, 0), min(bottom + reach, mask.shape[0] - 1)
    ends = (slice(max(left - 2, 0), left + 5), slice(right - 4, right + 3))
    return all(bool(mask[above, end].any() or mask[below, end].any()) for end in ends)


def label_zone(bar: ScaleBar, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns around a bar in which its number stands."""
    high = max(60, round(0.08 * shape[0]))
    aside = max(40, bar.length_px // 2)
    rows = slice(max(bar.top - high, 0), min(bar.bottom + high, shape[0]))
    return rows, slice(max(bar.left - aside, 0), min(bar.right + aside, shape[1]))


def read_label(overview: NDArray[np.uint8], bar: ScaleBar) -> str:
    """Return the text with a length beside a bar; it is empty where no number with a unit is read."""
    crop = np.ascontiguousarray(overview[label_zone(bar, overview.shape)])
    for zoom in ENLARGE:
        large = crop.repeat(zoom, axis=0).repeat(zoom, axis=1)
        for text in TEXT_READER.texts(large if large.ndim == 3 else np.stack([large] * 3, axis=2)):
            if length_um(text) is not None:
                return text
    return ""


def length_um(text: str) -> float | None:
    """Return the length that a label states: `100 um` is 100, `0.2 mm` 200; None without number and unit."""
    found = NUMBER.search(text.replace(" ", "")) or NUMBER.search(text)
    if found is None:
        return None
    per_unit = {"n": 1e-3, "m": 1e3 if found[2].lower() == "mm" else 1.0}.get(found[2][0].lower(), 1.0)
    return float(found[1].replace(",", ".")) * per_unit or None


class TextReader:
    """Read the texts in a picture with RapidOCR, loaded when it is first needed; threads take turns."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._engine: Any = None

    def texts(self, picture: NDArray[np.uint8]) -> tuple[str, ...]:
        """Return the texts in a picture (rows, cols, 3) uint8; raise `MicrographError` where RapidOCR is missing."""
        with self._lock:
            if self._engine is None:
                self._engine = _load_engine()
            return tuple(self._engine(picture[:, :, ::-1]).txts or ())


def require_scale_bar_reader(calibration: CalibrationSettings) -> None:
    """Raise `SettingsError` where the number beside a scale bar is to be read, and RapidOCR is not installed."""
    missing = any(find_spec(name) is None for name in ("rapidocr", "onnxruntime"))
    if calibration.read_scale_bar and calibration.scale_bar_um is None and missing:
        raise SettingsError(f"--read-scale-bar: {NEEDED}.")


def _load_engine() -> Any:
    """Return RapidOCR with its models, which travel with the package."""
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise MicrographError(NEEDED) from error
    return RapidOCR(params={"Global.log_level": "critical"})


TEXT_READER = TextReader()
