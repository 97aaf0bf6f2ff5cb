"""Describe a weights file: all that a reader of its numbers must know."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum

import numpy as np

from gdest.core.card_reading import read_card
from gdest.core.errors import WeightsError
from gdest.core.words import Backbone, Head, NetworkInput, Task


class Doubt(StrEnum):
    """Name what a grade map measures to decide whether its micrograph may be graded; a model card limits each."""

    NO_GRAINS = "no grains"
    DEFOCUSED = "defocused"
    FRAGMENTS = "fragments"
    STRUCTURE = "structure"
    NOVELTY = "novelty"
    ZOOM_GAP = "zoom gap"


UNFIT = (Doubt.NO_GRAINS, Doubt.DEFOCUSED, Doubt.FRAGMENTS, Doubt.STRUCTURE)
"""The kinds of picture that must not be graded, which a network learns to tell from gradeable ones."""

MOST_ALLOWED: dict[str, float] = {
    Doubt.NO_GRAINS: 0.0,
    Doubt.DEFOCUSED: 0.0,
    Doubt.FRAGMENTS: 1.8,
    Doubt.STRUCTURE: 0.7,
    Doubt.ZOOM_GAP: 0.33,
}
"""Where each doubt begins at the latest, whatever a card says: log odds, and G between two sizes of a picture. Lines
with gaps look like fragments up to 1.3 (the paper's steel), two prior-austenite etches have 2.2 and 4.6. Of 39
gradeable real fields none reads more than 0.26 apart at two sizes; grains among large particles 0.42 and 0.54, a rock
and pearlites 0.45 up."""

STRUCTURES = ("pearlite", "islands", "lamellae", "dendrites", "laths", "nodules", "fracture", "precipitates")
"""The looks that a judge is taught as `Doubt.STRUCTURE`, each by itself, since nothing is common to all of them."""

LATER = (Doubt.STRUCTURE,)
"""Kinds that older weights do not know; they grade without them."""


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

    `informed_interval` is the `interval` of an estimate that a count has moved (`gdest.grading.informed`); without it
    none is moved. `informed_scale` are the factors by which it is wider where a count is less sure: rows of (spread in
    G, factor).

    `own_scatter` is what fields of one specimen differ by about their own mean, and the degrees of freedom that say so:
    (sd in G, number) of the `estimate`, of the `informed` one and of the `count`. `gdest calibrate` starts from it.

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
    informed_interval: tuple[tuple[float, float], ...] = ()
    informed_scale: tuple[tuple[float, float], ...] = ()
    own_scatter: dict[str, tuple[float, float]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the card as the JSON text that the weights file carries."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Return the card of a weights file; raise `WeightsError` when it is not one, or a number is impossible.

        No limit is above what is allowed today: what look-alikes have shown since holds for older weights as well.
        """
        try:
            card = cls(**read_card(text, asdict(cls()), tuple(Doubt)))
        except ValueError as error:
            raise WeightsError(f"its model card cannot be read ({error}).") from error
        return replace(
            card, limits={name: min(most, MOST_ALLOWED.get(name, most)) for name, most in card.limits.items()}
        )

    @property
    def judges(self) -> bool:
        """Return whether its network learns what must not be graded: a ResNet18 that regresses from crops."""
        return (self.backbone, self.task, self.input) == ("resnet18", "regression", "crop")

    def missing_for_grading(self) -> str:
        """Return what a network with this card lacks to grade micrographs, as a phrase; empty where it lacks nothing.

        Without an interval a G would stand alone, and without limits of doubt a photograph would be graded.
        """
        needed = (*(kind for kind in UNFIT if kind not in LATER), Doubt.NOVELTY) if self.judges else (Doubt.ZOOM_GAP,)
        limits = [f"the limit of {name}" for name in needed if name not in self.limits]
        return ", ".join(["the interval of G"] * (not self.interval) + limits)


def interpolate(curve: tuple[tuple[float, float], ...], g: float) -> float:
    """Return a card's curve at G_seen, constant beyond its ends, points that are NaN left out; NaN without any."""
    known = [point for point in curve if np.isfinite(point[1])]
    if not known:
        return float("nan")
    grades, values = zip(*known, strict=True)
    return float(np.interp(g, grades, values))
