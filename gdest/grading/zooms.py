"""Grade a picture at the size at which its grains can be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gdest.core import (
    BoundaryField,
    GradeMap,
    GreyImage,
    Regions,
    Tiles,
    metal_tiles,
)
from gdest.grading.batching import Predictor, join_answers
from gdest.grading.doubts import measured_doubts
from gdest.grading.looks import Look, Shown, drawn_by_blocks, fields_of, half_of, look_at, look_at_half
from gdest.grading.spatial_patterns import FEWEST_FOR_PATTERNS
from gdest.grading.tracing import enlarged_fields

COARSE_G = 5.0
"""Below this G in the picture a tile holds few grains (12 at G 5); the picture is halved."""

GAPS_G = 4.0
"""From this G in a picture on, a tile shows enough grains (6) to tell whether their boundaries are in fragments."""

FINE_G = 10.0
"""Above this G in the picture a grain is less than 11 px across; the picture is enlarged to twice the size."""

G_PER_HALVING = 2.0
FINE_TILES, FEW_TILES = 64, 9
"""Of fine grains the middles of at most so many tiles are enlarged; of fewer than a few tiles all four quarters."""

MOST_FINER = 0.75
"""By more than this the enlarged tiles move no map: of 64 fine synthetic micrographs none asked for more than 0.6."""

PART_READS_BY = 0.35
"""A part of a field, as an eyepiece shows it, reads up to 0.32 G finer or coarser than the whole at the same size."""

SURE_G, UNSURE_SHARE = (2.0, 10.5), 0.25
"""G in a picture between which a look tells grains surely: below a tile holds two of them, above they are 9 px wide.
Two looks of which one is beyond may differ by this share of how far it is."""

MIXED_SHARE = 0.55
"""Of the scatter of its tiles two zooms of a mixed field may differ: tiles of another size hold other mixtures."""


def predict_grade_map(
    picture: GreyImage | Regions,
    predictor: Predictor,
    stride_px: int,
    not_metal: NDArray[np.bool_] | None = None,
    cell_px: int = 1,
) -> GradeMap:
    """Return the grade map of a picture (rows, cols), looking from further away at coarse grains.

    A tile that holds only a few grains says little, and dirt inside a large grain looks like small
    ones; so while the grains are coarse the picture is halved, as long as a tile still fits, and
    graded again. Self-similarity brings the numbers back to the file's own pixels. The first answer
    that is fine enough is kept, and compared with that of the next smaller picture. At fine grains a part of
    each tile is also seen enlarged: what it shows moves the whole map. Tiles that
    `not_metal`, cells of `cell_px` pixels a side, covers are NaN; raises `MicrographError` when all are.
    """
    shown = Shown(not_metal, cell_px, predictor, stride_px)
    looks = _looks_while_coarse(picture, shown)
    kept, larger = looks[-1], looks[-2] if len(looks) > 1 else None
    smaller = _next_smaller(kept, shown)
    finer = _seen_enlarged(kept, shown) if is_enlarged(kept.zoom, kept.in_picture) else _Finer(0.0, 0)
    # fine grains are too small to be told at half the size, however good the picture is
    gap = max(0.0, abs(finer.by_g) - _unsure_by(kept)) if finer.tiles else _gap(kept, smaller or larger)
    shows_gaps = larger is not None and larger.in_picture >= GAPS_G
    return replace(
        kept.grade_map,
        g_seen=kept.grade_map.g_seen + np.float32(np.clip(finer.by_g, -MOST_FINER, MOST_FINER)),
        tiles=sum(look.tiles for look in (*looks, smaller) if look) + finer.tiles,
        doubts=measured_doubts(kept.answers, gap, larger.answers if larger and shows_gaps else None),
        closer=_closer(looks),
        boundaries=finer.boundaries or fields_of(kept),
        boundaries_at_half=fields_of(smaller) if smaller and not finer.boundaries else (),
        other_size_by=_other_size_by(looks, smaller, shown),
    )


def draw_boundaries(
    picture: GreyImage | Regions,
    grade_map: GradeMap,
    predictor: Predictor,
    stride_px: int,
    not_metal: NDArray[np.bool_] | None = None,
    cell_px: int = 1,
    *,
    at_half: bool = False,
) -> Iterator[BoundaryField]:
    """Yield the fields of a picture whose grade map is known, at the zoom that decided it; only what fits in memory.

    With `at_half` the picture is half the size of that; where no tile fits then, there are none.
    """
    shown = Shown(not_metal, cell_px, predictor, stride_px)
    enlarged = is_enlarged(grade_map.zoom, float(np.nanmean(grade_map.g_seen)))
    if enlarged and not at_half:
        yield from _seen_enlarged(look_at(picture, 1.0, shown), shown).boundaries
        return
    zoom, wanted = 1.0, grade_map.zoom / (2.0 if at_half else 1.0)
    while zoom > wanted:
        picture, zoom = half_of(picture), zoom / 2.0
    if not enlarged and min(picture.shape) >= predictor.card.tile_px:
        yield from drawn_by_blocks(picture, zoom, shown)


def _looks_while_coarse(picture: GreyImage | Regions, shown: Shown) -> list[Look]:
    """Return the looks at a picture as it is, at half the size... while its grains are coarse; the last is kept."""
    looks = [look_at(picture, 1.0, shown)]
    while looks[-1].in_picture < COARSE_G and looks[-1].can_be_halved:
        looks.append(look_at_half(looks[-1], shown))
    return looks


def _next_smaller(kept: Look, shown: Shown) -> Look | None:
    """Return a look at half the size for comparison; None where it would be too small, or finer than is trained."""
    if kept.can_be_halved and kept.in_picture + G_PER_HALVING <= shown.predictor.card.g_max:
        return look_at_half(kept, shown)
    return None


def _gap(kept: Look, other: Look | None) -> float:
    """Return the difference in G between two zooms, less what a mixed field and the size of its grains explain.

    NaN without another zoom.
    """
    if other is None:
        return float("nan")
    explained = MIXED_SHARE * float(np.nanstd(kept.seen)) + _unsure_by(other)
    return max(0.0, abs(other.mean - kept.mean) - explained)


def _unsure_by(look: Look) -> float:
    """Return by how many G a look may be wrong since its grains are few to a tile, or too fine to tell."""
    coarsest, finest = SURE_G
    return UNSURE_SHARE * max(0.0, coarsest - look.in_picture, look.in_picture - finest)


def _other_size_by(looks: list[Look], smaller: Look | None, shown: Shown) -> float:
    """Return by how many G a part of a field reads finer at the next size, where it does not tell which is right.

    The whole field might have been on the other side of `COARSE_G`. NaN where it would not, or all of it is there.
    """
    kept, larger = looks[-1], looks[-2] if len(looks) > 1 else None
    if not shown.is_part(looks[0].picture.shape, 1.0):
        return float("nan")
    if smaller and COARSE_G <= kept.in_picture < COARSE_G + PART_READS_BY:
        return smaller.mean - kept.mean
    if larger and larger.in_picture > COARSE_G - PART_READS_BY:
        return larger.mean - kept.mean
    return float("nan")


def is_enlarged(zoom: float, g_in_picture: float) -> bool:
    """Return whether grains that look like this in a picture of this zoom are also seen enlarged."""
    return zoom == 1.0 and g_in_picture > FINE_G


@dataclass(frozen=True)
class _Finer:
    """Hold by how many G fine grains are finer than they were read, seen enlarged, and how many tiles show that."""

    by_g: float
    tiles: int
    boundaries: tuple[BoundaryField, ...] = ()


def _seen_enlarged(look: Look, shown: Shown) -> _Finer:
    """Return what tiles show at twice the size.

    The network tells grains of a few pixels poorly: above G 11 its error is halved by looking at them enlarged.
    The same tiles are compared, so it does not matter where they lie.
    """
    usable = np.flatnonzero(look.usable)
    picked = usable[np.linspace(0, len(usable) - 1, min(len(usable), FINE_TILES)).astype(int)]
    wanted = np.zeros(look.usable.size, bool)
    wanted[picked] = True
    parts = metal_tiles(look.picture, look.grid, wanted.reshape(look.usable.shape))
    answers, drawn = [], list[BoundaryField]()
    for part, top in zip(parts, _tops(look, wanted), strict=True):
        enlarged = _enlarged(part, few=len(picked) < FEW_TILES)
        answers.append(shown.predictor.predict([enlarged]))
        drawn += enlarged_fields(answers[-1].boundaries, enlarged, top)
    g_seen = join_answers(answers).g_seen
    before = float(look.seen.ravel()[picked].mean())
    return _Finer(float(g_seen.mean(dtype=np.float64)) + G_PER_HALVING - before, len(g_seen), tuple(drawn))


def _tops(look: Look, wanted: NDArray[np.bool_]) -> list[int]:
    """Return where in the picture the parts begin in which `metal_tiles` yields the wanted tiles, in px."""
    if isinstance(look.picture, GreyImage):
        return [0]
    return [top for top, some in zip(look.grid.tops, wanted.reshape(look.usable.shape), strict=True) if some.any()]


def _enlarged(tiles: Tiles, *, few: bool) -> Tiles:
    """Return the middles of tiles at twice the size; of few tiles their quarters."""
    half, quarter = tiles.side // 2, tiles.side // 4
    inside = [(0, 0), (0, half), (half, 0), (half, half)] if few else [(quarter, quarter)]
    corners = np.concatenate([tiles.corners + np.array(at, np.int64) for at in inside])
    return Tiles(tiles.image, corners, tiles.side, enlarged=True)


def _closer(looks: list[Look]) -> GradeMap | None:
    """Return the map of the next larger picture with enough tiles to show a pattern, or of the largest.

    None where the last look, which is kept, has enough itself, or is the only one.
    """
    *larger, kept = looks
    if not larger or kept.grid_tiles >= FEWEST_FOR_PATTERNS:
        return None
    enough = [look for look in larger if look.grid_tiles >= FEWEST_FOR_PATTERNS]
    return replace((enough[-1] if enough else larger[0]).grade_map, places=None)  # drawn is the map that decided
