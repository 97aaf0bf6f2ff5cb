"""Draw particles and precipitates: on boundaries and inside grains, bright or dark, none of them a grain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from gdest.synth.frame import Boundaries, Frame
from gdest.synth.recipe import Recipe
from gdest.synth.tessellation import Floats

MOST_PARTICLES = 1500


@dataclass(frozen=True)
class Particles:
    """Hold how much of each pixel (rows, cols) a particle's `body` and its dark `rim` cover, 0..1, and its `grey`."""

    body: Floats
    rim: Floats
    grey: Floats

    def over(self, image: Floats) -> Floats:
        """Return the image with the particles lying over it."""
        covered = image * (1.0 - self.body) + self.grey * self.body
        return np.asarray(covered * (1.0 - self.rim), np.float32)

    def mask(self) -> NDArray[np.bool_]:
        """Return the pixels that particles cover."""
        return (self.body > 0.5) | (self.rim > 0.5)


def draw_particles(frame: Frame, bounds: Boundaries, recipe: Recipe) -> Particles | None:
    """Return the recipe's particles, many small and few large, or None."""
    if recipe.particles <= 0:
        return None
    rng, (rows, cols) = frame.rng, frame.labels.shape
    count = int(np.clip(recipe.particles * len(frame.radius_px), 1, MOST_PARTICLES))
    centres = _centres(rng, bounds, count, recipe.on_boundary)
    radii = recipe.particle_px * np.exp(rng.uniform(np.log(rng.uniform(0.15, 0.8)), 0.0, count))
    if rng.random() < 0.4:
        # boundaries beaded with small ones
        beads = min(int(count * rng.uniform(2.0, 10.0)), MOST_PARTICLES)
        centres = np.concatenate([centres, _centres(rng, bounds, beads, 0.95)])
        radii = np.concatenate([radii, np.maximum(recipe.particle_px * rng.uniform(0.1, 0.3, beads), 0.8)])
    body, rim = Image.new("L", (cols, rows), 0), Image.new("L", (cols, rows), 0)
    shape = rng.uniform(0.02, 0.2), rng.uniform(1.0, 1.6)
    rim_share, rim_width = rng.choice([0.0, 0.95], p=[0.4, 0.6]), rng.uniform(0.1, 0.4)
    for centre, radius in zip(centres, radii, strict=True):
        outline = _outline(rng, centre, float(radius), *shape)
        ImageDraw.Draw(body).polygon(outline, fill=255)
        if rng.random() < rim_share:
            width = max(1, round(float(radius) * rim_width))
            ImageDraw.Draw(rim).line(
                [*outline, outline[0]], fill=int(rng.uniform(150, 255)), width=width, joint="curve"
            )
    soft = float(rng.uniform(0.3, 0.8))
    covered, dark = (ndimage.gaussian_filter(np.asarray(one, np.float32) / 255.0, soft) for one in (body, rim))
    return Particles(covered, dark * np.float32(rng.uniform(0.5, 1.0)), _grey(frame, recipe, rim_share > 0))


def _centres(rng: np.random.Generator, bounds: Boundaries, count: int, on_boundary: float) -> Floats:
    """Return the particles' centres (count, 2), column and row, the share `on_boundary` of them at boundaries."""
    rows, cols = bounds.edge.shape
    centres = rng.uniform((0, 0), (cols, rows), (count, 2))
    row, col = np.nonzero(bounds.edge)
    if len(row):
        chosen = rng.integers(0, len(row), count)
        there = rng.random(count) < on_boundary
        centres[there] = np.stack([col[chosen], row[chosen]], axis=1)[there]
    return centres


def _outline(
    rng: np.random.Generator, centre: Floats, radius: float, roughness: float, aspect: float
) -> list[tuple[float, float]]:
    """Return the corners (column, row) of one blob, rough and longer than wide."""
    corners = int(np.clip(3 * radius, 5, 20))
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    reach = radius * np.clip(1 + roughness * rng.standard_normal(corners), 0.5, 1.5)
    x, y = reach * np.cos(angle) * aspect**0.5, reach * np.sin(angle) / aspect**0.5
    turn = rng.uniform(0, np.pi)
    return list(
        zip(
            (centre[0] + x * np.cos(turn) - y * np.sin(turn)).tolist(),
            (centre[1] + x * np.sin(turn) + y * np.cos(turn)).tolist(),
            strict=True,
        )
    )


def _grey(frame: Frame, recipe: Recipe, rimmed: bool) -> Floats:
    """Return the grey of the particles, which differs clearly from the metal's 0.75 unless they have a rim."""
    rng = frame.rng
    bright = rng.random() < 0.35
    level = rng.uniform(1.0, 1.25) if bright else rng.uniform(0.02, 0.45)
    if rimmed and rng.random() < 0.6:
        level = rng.uniform(0.35, 0.95)
    texture = frame.noise(max(1.5, recipe.particle_px * rng.uniform(0.2, 0.6)))
    return np.asarray(np.clip(level + rng.uniform(0.0, 0.2) * texture, 0.0, 1.3), np.float32)
