"""Draw what one micrograph's etch is like: its family, and the numbers that are recorded beside the label."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

FAMILIES = {
    "boundary": 0.20,
    "over-etched": 0.12,
    "contrast": 0.04,
    "both": 0.08,
    "bright-field": 0.22,
    "mosaic": 0.13,
    "thin-lines": 0.13,
    "particles": 0.08,
}
"""How often each family of etches is drawn.

boundary: dark lines of one strength. over-etched: wide black grooves. contrast: grains of their own grey, hardly a
line. both: the two together. bright-field: thin lines, each boundary with a strength of its own, twins outlined.
mosaic: tint, colour and polarised etches turned to grey, far apart and sloping inside the grains. thin-lines: clean
thin lines, gone in places. particles: precipitates on boundaries and inside grains.
"""

WITHOUT_LINES = ("contrast", "mosaic")
ALIKE = 0.35
"""In so many bright fields all grain boundaries are about as dark, and what is fainter is a twin's."""

CLEARED = 0.6
"""So many etches whose lines are all dark show them black on a bright, even ground, polished and photographed well."""

OWN_STRENGTHS = ("bright-field", "thin-lines")
"""The families whose every boundary has a strength of its own."""

DARK_LINES = ("boundary", "over-etched", "thin-lines", "particles")
"""The families whose lines are all dark, but for a few."""


@dataclass(frozen=True)
class Recipe:
    """Hold the main random numbers of one etch.

    `half_width_px` is half the width of the etched line; `depth` 0..1 what a full line takes of the grey; `line` the
    share of `depth` that the lines of this family have. The strength of a boundary is log-normal about `line_median`
    with sigma `line_sigma`, and `gaps` is the share of the lines' length that is gone. `contrast` is the spread of
    the grains' grey, `slope` that inside a grain. `twinned` is the share of grains with twins, `outline` and
    `outline_sigma` the strength of the twins' outlines, `boxed` the share of twins that end inside their grain.
    `slipped` is the share of grains with slip lines, `banding` the darkness of drawing bands. `particles` come per
    grain, `on_boundary` of them at boundaries, the largest of radius `particle_px`. Where `cleared` is above 1 the
    ground is bright and even, and what is darker than it has its darkness raised to this power.
    """

    family: str
    half_width_px: float
    depth: float
    line: float = 1.0
    line_median: float = 1.0
    line_sigma: float = 0.0
    gaps: float = 0.0
    contrast: float = 0.0
    slope: float = 0.0
    twinned: float = 0.0
    outline: float = 0.0
    outline_sigma: float = 0.3
    boxed: float = 0.25
    slipped: float = 0.0
    banding: float = 0.0
    particles: float = 0.0
    on_boundary: float = 0.5
    particle_px: float = 0.0
    cleared: float = 1.0

    def finest_px(self) -> float:
        """Return half the width in px of the finest line by which a grain is told; faint lines count as finer."""
        return self.half_width_px * min(1.0, self.line_median * float(np.exp(-self.line_sigma)) + 0.2)

    def numbers(self) -> dict[str, float | str]:
        """Return the recipe's fields, rounded, as they are recorded."""
        return {name: value if isinstance(value, str) else round(value, 4) for name, value in asdict(self).items()}


def pick_family(rng: np.random.Generator) -> str:
    """Draw the family of one micrograph."""
    return str(rng.choice(list(FAMILIES), p=list(FAMILIES.values())))


def draw_recipe(rng: np.random.Generator, diameter_px: float, family: str) -> Recipe:
    """Draw the etch of one micrograph; raise `KeyError` for an unknown family."""
    FAMILIES[family]
    own = family in OWN_STRENGTHS
    bright = family == "bright-field"
    line_median, line_sigma = _line_strength(rng, family)
    dark = family in DARK_LINES or (bright and line_median * np.exp(-line_sigma) > 0.4)
    cleared = rng.uniform(1.3, 2.6) if dark and rng.random() < CLEARED else 1.0
    line = 1.0
    if family in WITHOUT_LINES:
        line = rng.uniform(0.0, 0.25) if rng.random() < 0.6 else 0.0
    has_twins = rng.random() < {"bright-field": 0.9, "thin-lines": 0.25, "particles": 0.3}.get(family, 0.8)
    slips = rng.random() < {"bright-field": 0.7, "thin-lines": 0.1, "mosaic": 0.15}.get(family, 0.45)
    particles, largest = _particles(rng, diameter_px, family)
    return Recipe(
        family=family,
        half_width_px=half_width(rng, diameter_px, family),
        depth=float(rng.uniform(0.7 if own or family == "over-etched" or cleared > 1.0 else 0.35, 1.0)),
        line=float(line),
        line_median=float(line_median),
        line_sigma=float(line_sigma),
        gaps=float(rng.uniform(0.03, 0.12 if bright else 0.22) if own and rng.random() < 0.5 else 0.0),
        contrast=_contrast(rng, family),
        slope=float(rng.uniform(0.0, 0.06) if family == "mosaic" and rng.random() < 0.7 else 0.0),
        twinned=float(rng.uniform(0.1, 0.95) if has_twins else 0.0),
        outline=float(rng.uniform(0.25, 1.0) if bright else rng.uniform(0.1, 1.0)),
        outline_sigma=float(rng.uniform(0.3, 0.9) if bright else rng.uniform(0.1, 0.5)),
        boxed=float(rng.uniform(0.05, 0.7) if bright else rng.uniform(0.0, 0.5)),
        slipped=float(rng.uniform(0.05, 0.9) if slips else 0.0),
        banding=float(rng.uniform(0.01, 0.06) if rng.random() < (0.3 if bright else 0.08) else 0.0),
        particles=particles,
        on_boundary=float(rng.uniform(0.0, 1.0)),
        particle_px=largest,
        cleared=float(cleared),
    )


def _line_strength(rng: np.random.Generator, family: str) -> tuple[float, float]:
    """Draw the median and the sigma of the strength of a family's boundaries."""
    if family == "bright-field":
        if rng.random() < ALIKE:
            return rng.uniform(0.5, 1.0), rng.uniform(0.05, 0.4)
        return rng.uniform(0.18, 0.75), rng.uniform(0.4, 1.0)
    return (rng.uniform(0.7, 1.1), rng.uniform(0.0, 0.35)) if family in OWN_STRENGTHS else (1.0, 0.0)


def half_width(rng: np.random.Generator, diameter_px: float, family: str) -> float:
    """Draw half the width of the etched line in px: at most an eighth of a grain, of thin lines half of that."""
    if family == "over-etched":
        wanted = diameter_px * rng.uniform(0.025, 0.13)
    elif family in OWN_STRENGTHS:
        thin = float(np.exp(rng.uniform(np.log(0.55), np.log(1.6))))
        wanted = max(thin, diameter_px * rng.uniform(0.0, 0.012))
    elif rng.random() < 0.5:
        wanted = float(np.exp(rng.uniform(np.log(0.4), np.log(3.0))))
    else:
        wanted = diameter_px * float(np.exp(rng.uniform(np.log(0.004), np.log(0.05))))
    most = (0.07 if family in OWN_STRENGTHS else 0.13) * diameter_px
    return float(np.clip(wanted, 0.4, max(most, 0.4)))


def _contrast(rng: np.random.Generator, family: str) -> float:
    """Draw the spread of the grains' grey."""
    low, high = {"contrast": (0.12, 0.35), "both": (0.12, 0.35), "mosaic": (0.1, 0.3)}.get(family, (0.0, 0.05))
    if family in OWN_STRENGTHS:
        high = 0.025
    return float(rng.uniform(low, high))


def _particles(rng: np.random.Generator, diameter_px: float, family: str) -> tuple[float, float]:
    """Draw the number of particles per grain, and the largest radius in px, up to a third of a grain wide."""
    if family == "particles":
        widest = float(np.exp(rng.uniform(np.log(0.06), np.log(0.22))))
        number = rng.uniform(0.4, 2.2) * min(0.12 / widest, 3.0)
    elif rng.random() < (0.05 if family == "bright-field" else 0.12):
        widest, number = rng.uniform(0.03, 0.1), rng.uniform(0.05, 1.0)
    else:
        return 0.0, 0.0
    return float(number), float(max(widest * diameter_px, 1.0))
