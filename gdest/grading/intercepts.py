"""Count intercepts of test lines with boundaries that are found without the network: a second opinion on G.

ASTM E112's intercept procedure (Heyn's lines in four directions, so that elongated grains do not bias it) on
boundaries traced as dark or bright ridges. scikit-image, from the extra `cross-check`, does the tracing. Only tiles
with closed, well separated boundaries are counted; elsewhere there is no answer rather than a bad one. Twin boundaries
are counted like others, so heavily twinned austenite comes out 0.6 to 1.7 G too fine (measured on two fields).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from gdest.core import Graded, GradeMap, Status, grain_size, tile_grid, usable_tiles

ZOOMS = (1.0, 0.5, 0.25)
"""Wide, rough boundaries are one line only from further away, and dirt is gone: the last clear zoom is taken."""

LARGEST_DIFFERENCE = 1.0
"""G: beyond this a person should look."""

SQUARE_PX = 224
LINE_STEP_PX = 12
LEAST_CLEAR_SHARE = 1 / 3
FEWEST_INTERCEPTS = 60
"""E112 asks for 400 to 500 intercepts in all; a cross-check within 1 G needs far fewer."""

FEWEST_PER_TILE = 8
SMALLEST_INTERCEPT_PX = 15.0
"""Below this, noise and dirt are traced as a net of their own (measured: up to 4 G too fine)."""

MOST_ENDS = 0.15
"""Loose ends per mean intercept of traced boundary: a closed network has few, scratches and fragments many."""

LEAST_CONTRAST = 4.8
"""How far the ridges stand out from the grains' inside, in deviations of the inside."""

BACKGROUND_PX = 24.0
RIDGE_SIGMAS_PX = (1.5, 2.5)
SHORTEST_TRACE_PX = 24
ENDS_PX = 6


@dataclass(frozen=True)
class InterceptCount:
    """Hold the intercept count of one picture.

    `g_px` is the G it would have at 1 um per px of the file; `clear` names the squares that were counted: top, left
    and side in px of the file.
    """

    g_px: float
    intercepts: int
    clear: tuple[tuple[int, int, int], ...]

    def g(self, um_per_px: float) -> float:
        """Return G at a pixel size."""
        return float(grain_size.g_from_seen(self.g_px, um_per_px, 1.0))


def count_intercepts(
    pixels: NDArray[np.uint8], not_metal: NDArray[np.bool_] | None = None, cell_px: int = 1
) -> InterceptCount | None:
    """Return the count over the clear tiles of grey pixels (rows, cols); None where too few are clear.

    Tiles that `not_metal`, cells of `cell_px` pixels a side, covers do not count.
    """
    counts = []
    for zoom in ZOOMS:
        if min(pixels.shape) >= SQUARE_PX:
            counts.append(_count_at(pixels, zoom, not_metal, cell_px))
            pixels = np.asarray(Image.fromarray(pixels).reduce(2))
    found = [count for count in counts if count is not None]
    return found[-1] if found else None


def cross_checked(row: Graded) -> Graded:
    """Return the row with the intercept count beside its G, for review where they differ by more than 1.

    What is compared is the network's G of the very squares that were counted: the clear part of a mixed field
    may well be coarser than the whole. Nothing is added where the boundaries are not clear, the pixel size is
    not known, or the micrograph is too large for the memory.
    """
    micrograph, statistics = row.micrograph, row.statistics
    um_per_px = micrograph.um_per_px
    if um_per_px is None or statistics is None or micrograph.regions is not None:
        return row
    count = count_intercepts(micrograph.pixels, micrograph.not_metal, micrograph.cell_px)
    if count is None:
        return row
    g = count.g(um_per_px)
    row = replace(row, g_intercept=g, intercepts=count.intercepts)
    there = g_seen_in(row.grade_map, count.clear) + row.shift
    if not abs(g - there) > LARGEST_DIFFERENCE:  # nor where `there` is NaN
        return row
    doubt = f"the intercept count says G {g:.1f}, the network {there:.1f} in the same {len(count.clear)} tiles"
    return replace(row, status=Status.REVIEW, reason="; ".join(filter(None, (row.reason, doubt))))


def g_seen_in(grade_map: GradeMap, squares: Sequence[tuple[int, int, int]]) -> float:
    """Return G seen of the mean density of a map's tiles, each by the area it shares with squares of the file.

    Squares are top, left and side in px; what lies in two of them weighs double, as it does in the count.
    NaN where no tile with a grade touches one.
    """
    grid, zoom = grade_map.grid, grade_map.zoom
    tile, squares_px = grid.tile_px / zoom, np.array(squares, np.float64)

    def shared(starts: tuple[int, ...], axis: int) -> NDArray[np.float64]:
        """Return the length that each row (column) of tiles shares with each square, (tiles, squares)."""
        begin, first, side = np.array(starts)[:, None] / zoom, squares_px[:, axis], squares_px[:, 2]
        return np.asarray(np.clip(np.minimum(begin + tile, first + side) - np.maximum(begin, first), 0.0, None))

    weights = shared(grid.tops, 0) @ shared(grid.lefts, 1).T
    weights[~np.isfinite(grade_map.g_seen)] = 0.0
    if not weights.any():
        return float("nan")
    return grain_size.g_of_mean_density(np.nan_to_num(grade_map.g_seen), weights)


def _count_at(
    pixels: NDArray[np.uint8], zoom: float, not_metal: NDArray[np.bool_] | None, cell_px: int
) -> InterceptCount | None:
    traced, strength = trace_boundaries(pixels)
    ends = _loose_ends(traced)
    grid = tile_grid(pixels.shape[0], pixels.shape[1], SQUARE_PX, SQUARE_PX)
    met, walked = 0, 0.0
    clear: list[tuple[int, int, int]] = []
    usable = usable_tiles(grid, not_metal, cell_px * zoom).ravel()
    for top, left in compress(product(grid.tops, grid.lefts), usable):
        tile = np.s_[top : top + SQUARE_PX, left : left + SQUARE_PX]
        count, length = _crossings(traced[tile])
        if _is_clear(traced[tile], ends[tile], strength[tile], count, length):
            met, walked = met + count, walked + length
            clear.append((round(top / zoom), round(left / zoom), round(SQUARE_PX / zoom)))
    tiles = len(grid.tops) * len(grid.lefts)
    if len(clear) < LEAST_CLEAR_SHARE * tiles or met < FEWEST_INTERCEPTS:
        return None
    in_picture = float(grain_size.g_from_mean_intercept_um(walked / met))
    return InterceptCount(float(grain_size.g_after_zoom(in_picture, 1.0 / zoom)), met, tuple(clear))


def trace_boundaries(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return lines one pixel wide along the boundaries, and how strong the ridge is at each pixel, (rows, cols)."""
    filters, morphology = _scikit_image()
    grey = ndimage.gaussian_filter(pixels.astype(np.float32), 0.7)
    mean = ndimage.gaussian_filter(grey, BACKGROUND_PX)
    spread = np.sqrt(ndimage.gaussian_filter((grey - mean) ** 2, BACKGROUND_PX))
    flat = (grey - mean) / np.maximum(spread, 2.0)
    dark = float(np.mean(np.clip(flat, -4, 4) ** 3)) < 0
    ridge = np.asarray(filters.sato(flat, sigmas=RIDGE_SIGMAS_PX, black_ridges=dark), np.float32)
    high = float(filters.threshold_otsu(ridge))
    mask = filters.apply_hysteresis_threshold(ridge, 0.5 * high, 1.1 * high)
    lines = morphology.skeletonize(mask)
    pieces, _ = ndimage.label(lines, np.ones((3, 3)))
    long = np.bincount(pieces.ravel()) >= SHORTEST_TRACE_PX
    long[0] = False
    return _without_spurs(long[pieces]), ridge


def _scikit_image() -> tuple[Any, Any]:
    """Import what is heavy, and an extra; the settings say a clear word where it is missing."""
    from skimage import filters, morphology

    return filters, morphology


def _neighbours(lines: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.asarray(ndimage.convolve(lines.astype(np.uint8), np.ones((3, 3), np.uint8), mode="constant")) - lines


def _loose_ends(lines: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels where a line ends, but for those at the picture's rim."""
    ends = lines & (_neighbours(lines) <= 1)
    ends[[0, 1, -2, -1]] = False
    ends[:, [0, 1, -2, -1]] = False
    return ends


def _without_spurs(lines: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the lines without the short hairs that thinning leaves; longer loose lines lose their tips."""
    kept = lines.copy()
    for _ in range(ENDS_PX):
        kept &= ~_loose_ends(kept)
    return kept


def _crossings(lines: NDArray[np.bool_]) -> tuple[int, float]:
    """Return how often test lines in four directions meet the traced lines, and the test lines' length in px."""
    thick = ndimage.binary_dilation(lines, np.ones((2, 2)))  # no test line slips through a diagonal step
    count, length = 0, 0.0
    for turned in (thick, thick.T):
        rows = turned[LINE_STEP_PX // 2 :: LINE_STEP_PX]
        count += _runs(rows)
        length += rows.size
        for offset in range(-turned.shape[0] + 40, turned.shape[1] - 40, 2 * LINE_STEP_PX):
            diagonal = np.diagonal(turned if turned is thick else turned.T[:, ::-1], offset)
            count += _runs(diagonal[None])
            length += diagonal.size * np.sqrt(2.0)
    return count, length


def _runs(rows: NDArray[np.bool_]) -> int:
    return int(np.sum(rows[:, 1:] & ~rows[:, :-1]) + np.sum(rows[:, 0]) * 0.5)


def _is_clear(
    lines: NDArray[np.bool_], ends: NDArray[np.bool_], strength: NDArray[np.float32], count: int, length: float
) -> bool:
    """Return whether the boundaries of a tile are closed, resolved, many enough, and stand out."""
    if count < FEWEST_PER_TILE or length / count < SMALLEST_INTERCEPT_PX:
        return False
    if float(ends.sum()) * (length / count) / max(int(lines.sum()), 1) > MOST_ENDS:
        return False
    inside = strength[~ndimage.binary_dilation(lines, np.ones((3, 3)), iterations=2)]
    if inside.size < lines.size // 10:
        return False
    contrast = float(strength[lines].mean() - inside.mean()) / max(float(inside.std()), 1e-6)
    return contrast >= LEAST_CONTRAST
