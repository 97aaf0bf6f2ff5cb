"""Say what a weights file is, all a reader of its numbers must know."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

import numpy as np

from gdest.core.errors import WeightsError
from gdest.core.words import Backbone, Head, NetworkInput, Task

UNFIT = ("no grains", "defocused", "fragments")
"""The kinds of picture that must not be graded, which a model learns to tell from gradeable ones."""


@dataclass(frozen=True)
class ModelCard:
    """Say what a weights file is, all a reader of its numbers must know.

    `um_per_px` is the reference pixel size p0; `g_min`..`g_max` the trained range of G at p0;
    `correction` what the network reads too fine at each G, to be subtracted: rows of (G_seen, G);
    `interval` the half-widths of the 90 % interval: rows of (G_seen, half-width); `tile_scatter`
    the scatter of tile grades within a uniform micrograph: rows of (G_seen, sd); all are
    interpolated linearly. `limits` says how large each of a grade map's doubts may be in a
    micrograph that is graded. `input` is crop or image, what the network was trained to be shown;
    `classes` are the grades at p0 that a classifier tells apart. `training` and `errors` are free records for people.
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
            raw["classes"] = tuple(raw["classes"])
            return cls(**raw)
        except (ValueError, TypeError, KeyError) as error:
            raise WeightsError(f"its model card cannot be read ({error}).") from error


def interpolate(curve: tuple[tuple[float, float], ...], g: float) -> float:
    """Return a card's curve at G_seen, constant beyond its ends, points that are NaN left out; NaN without any."""
    known = [point for point in curve if np.isfinite(point[1])]
    if not known:
        return float("nan")
    grades, values = zip(*known, strict=True)
    return float(np.interp(g, grades, values))
