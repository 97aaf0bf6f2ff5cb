"""Describe a weights file: all that a reader of its numbers must know."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TypeGuard

import numpy as np

from gdest.core.errors import WeightsError
from gdest.core.words import Backbone, Head, NetworkInput, Task


class Doubt(StrEnum):
    """Name what a grade map measures to decide whether its micrograph may be graded; a model card limits each."""

    NO_GRAINS = "no grains"
    DEFOCUSED = "defocused"
    FRAGMENTS = "fragments"
    NOVELTY = "novelty"
    ZOOM_GAP = "zoom gap"


UNFIT = (Doubt.NO_GRAINS, Doubt.DEFOCUSED, Doubt.FRAGMENTS)
"""The kinds of picture that must not be graded, which a network learns to tell from gradeable ones."""


@dataclass(frozen=True)
class ModelCard:
    """Describe a weights file: all that a reader of its numbers must know.

    `um_per_px` is the reference pixel size p0; `g_min`..`g_max` the trained range of G at p0;
    `correction` what the network reads too fine at each G, to be subtracted: rows of (G_seen, G);
    `interval` the half-widths of the 90 % interval: rows of (G_seen, half-width); `tile_scatter`
    the scatter of tile grades within a uniform micrograph: rows of (G_seen, sd); all are
    interpolated linearly. `limits` holds the largest value of each `Doubt` that a graded micrograph may have.
    `input` is crop or image, what the network was trained to be shown;
    `boundaries` says whether it also draws boundaries;
    `classes` are the grades at p0 that a classifier tells apart. `training` and `errors` are free records for people.

    `int8_limits` are the largest numbers that 8 bits hold at the inputs of the convolutions, in the order of the
    network; `int8_g_gap` is the mean change of a tile's G by 8 bits. Without them a network runs in floats.

    `counting` holds curves of the count on boundary maps, each rows of (spread in G, value): `interval` is the
    half-width of the method's own 95 % error; without it `gdest.grading.counting` has defaults. `bias` is what the
    count reads too fine, to be subtracted.
    """

    backbone: Backbone = "resnet18"
    head: Head = "fc"
    task: Task = "regression"
    classes: tuple[float, ...] = ()
    um_per_px: float = 1.0
    g_min: float = 0.0
    g_max: float = 16.0
    normalisation: str = "tile"
    tile_px: int = 224
    correction: tuple[tuple[float, float], ...] = ()
    interval: tuple[tuple[float, float], ...] = ()
    tile_scatter: tuple[tuple[float, float], ...] = ()
    limits: dict[str, float] = field(default_factory=dict)
    training: dict[str, str] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    gdest_version: str = ""
    input: NetworkInput = "crop"
    boundaries: bool = False
    int8_limits: tuple[float, ...] = ()
    int8_g_gap: float | None = None
    counting: dict[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the card as the JSON text that the weights file carries."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Return the card of a weights file; raise `WeightsError` when it is not one."""
        try:
            raw = json.loads(text)
            for name in ("correction", "interval", "tile_scatter"):
                raw[name] = tuple((float(g), float(value)) for g, value in raw.get(name, ()))
            raw["counting"] = _read_curves(raw.get("counting", {}))
            raw["classes"] = tuple(raw["classes"])
            if not isinstance(raw.get("boundaries", False), bool):
                raise ValueError("boundaries must be true or false")
            raw["int8_limits"], raw["int8_g_gap"] = _read_int8(raw)
            return cls(**raw)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise WeightsError(f"its model card cannot be read ({error}).") from error


def _read_int8(raw: dict[str, object]) -> tuple[tuple[float, ...], float | None]:
    """Return `int8_limits` and `int8_g_gap` of a card, both or neither; raise `ValueError` for impossible ones."""
    limits, gap = raw.get("int8_limits", ()), raw.get("int8_g_gap")
    if not isinstance(limits, list | tuple) or bool(limits) != (gap is not None):
        raise ValueError("int8_limits and int8_g_gap go together")
    if gap is None:
        return (), None
    if not all(_is_number(limit) and limit > 0 for limit in limits):
        raise ValueError("int8_limits must be positive numbers")
    if not _is_number(gap) or gap < 0:
        raise ValueError("int8_g_gap must be a number, not negative")
    return tuple(map(float, limits)), float(gap)


def _read_curves(raw: dict[str, list[list[float]]]) -> dict[str, tuple[tuple[float, float], ...]]:
    """Return named curves of a card; raise `ValueError` where a point of one is not two finite numbers."""
    curves = {str(name): tuple((at, value) for at, value in curve) for name, curve in raw.items()}
    if not all(_is_number(number) for curve in curves.values() for point in curve for number in point):
        raise ValueError("the curves of counting must be rows of two numbers")
    return {name: tuple((float(at), float(value)) for at, value in curve) for name, curve in curves.items()}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def interpolate(curve: tuple[tuple[float, float], ...], g: float) -> float:
    """Return a card's curve at G_seen, constant beyond its ends, points that are NaN left out; NaN without any."""
    known = [point for point in curve if np.isfinite(point[1])]
    if not known:
        return float("nan")
    grades, values = zip(*known, strict=True)
    return float(np.interp(g, grades, values))
