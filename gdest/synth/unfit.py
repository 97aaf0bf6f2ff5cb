"""Draw pictures that must not be graded: no grains, out of focus, boundaries in fragments, other structures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from gdest.core import STRUCTURES, UNFIT, grain_size
from gdest.synth import optics, tessellation
from gdest.synth.etching import etch
from gdest.synth.label_maps import mean_diameter_px
from gdest.synth.recipe import pick_family
from gdest.synth.scenes import cloud, draw_scene
from gdest.synth.structures import draw_structure
from gdest.synth.tessellation import Floats

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:-"


def draw_unfit(rng: np.random.Generator, kind: str, rows: int, cols: int) -> NDArray[np.uint8]:
    """Return grey pixels (rows, cols) of one of `UNFIT` or of `STRUCTURES`; raise `KeyError` for another word."""
    if kind in STRUCTURES:
        image = draw_structure(rng, rows, cols, kind)
    else:
        draw = dict(zip(UNFIT, (_no_grains, _defocused, _fragments, draw_structure), strict=True))[kind]
        image = draw(rng, rows, cols)
    return optics.to_8_bit(rng, np.clip(image, 0.0, 1.0))


def _no_grains(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    draw = (cloud, cloud, _ramp, _text, _blank, draw_scene, draw_scene, draw_scene, draw_scene)[int(rng.integers(9))]
    image = draw(rng, rows, cols)
    noise = np.float32(0.03 * rng.random() ** 2) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.asarray(image + noise, np.float32)


def _ramp(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return brightness that only slopes or falls off."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : cols * 1j]
    plane, bowl = rng.normal(0, 0.3, 2), rng.normal(0, 0.3)
    return np.asarray(0.5 + plane[0] * y + plane[1] * x + bowl * (x * x + y * y), np.float32)


def _text(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return a page of letters."""
    size = int(np.exp(rng.uniform(np.log(8), np.log(90))))
    page = Image.new("L", (cols, rows), 235)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size)
    for top in range(int(rng.integers(-size, size)), rows, int(size * rng.uniform(1.1, 2.0))):
        words = ["".join(rng.choice(list(LETTERS), int(rng.integers(1, 12)))) for _ in range(6 + 2 * cols // size)]
        draw.text((int(rng.integers(-size, size)), top), " ".join(words), fill=30, font=font)
    image = np.asarray(page, np.float32) / 255.0
    return image if rng.random() < 0.7 else 1.0 - image


def _blank(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return an empty stage with a little dust."""
    image = np.full((rows, cols), rng.uniform(0.05, 0.95), np.float32)
    for _ in range(int(rng.integers(0, 12))):
        row, col = int(rng.integers(rows)), int(rng.integers(cols))
        image[row : row + 3, col : col + 3] *= rng.uniform(0.2, 0.9)
    return np.asarray(ndimage.gaussian_filter(image, 1.0), np.float32)


def _labels(rng: np.random.Generator, rows: int, cols: int) -> tessellation.Labels:
    density = float(grain_size.grains_per_mm2(rng.uniform(3.0, 10.0))) * 1e-6
    return tessellation.section(rng, rows, cols, density, tessellation.random_shape(rng))


def _defocused(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return a field so far out of focus that a fifth to a half of a grain is blurred into one."""
    labels = _labels(rng, rows, cols)
    # a blurred mosaic still shows its grains
    family = next(one for one in iter(lambda: pick_family(rng), "") if one != "mosaic")
    image = ndimage.gaussian_filter(
        etch(rng, labels, family=family).image, rng.uniform(0.18, 0.5) * mean_diameter_px(labels)
    )
    if rng.random() < 0.5:
        image = (image - image.min()) / max(float(np.ptp(image)), 1e-3)
    noise = np.float32(0.02 * rng.random()) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.asarray(image + noise, np.float32)


def _fragments(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return a field whose etch shows only pieces of the boundaries, as prior-austenite etches do.

    Half of them show little, and nothing of the rest; the others show more, as two real fields do, most with
    faint traces of the rest.
    """
    little = rng.random() < 0.5
    traces = float(rng.uniform(0.0, 0.35)) if not little and rng.random() < 0.7 else 0.0
    labels = _labels(rng, rows, cols)
    visible = float(rng.uniform(0.35, 0.75) if little else rng.uniform(0.5, 0.85))
    return etch(rng, labels, visible, traces).image
