"""Put on a synthetic micrograph what polishing, etching and the steel itself leave behind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from gdest.synth.frame import Boundaries, Frame
from gdest.synth.tessellation import Floats, smooth_noise

SPOTS_LIMIT = 200_000


SEEN_DIRT = 0.3
"""A pit, carbide or pore is seen where it takes this share of the light."""


def add_dirt(
    frame: Frame, bounds: Boundaries, image: Floats, half_width_px: float, clean: float = 0.0
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the image with pits, carbides, pores, scratches and stains, none of which is a boundary.

    With it comes where pits, carbides and pores are seen, with their inside. `clean` (0..1) is the share of them
    that is left out.
    """
    rng, diameter_px = frame.rng, frame.diameter_px
    taken, holes = np.zeros(image.shape, np.float32), np.zeros(image.shape, bool)
    for _ in range(int(rng.integers(0, 4))):
        spots = _spots(frame, bounds.distance, half_width_px)
        taken = np.maximum(taken, spots) if rng.random() >= clean else taken
    if rng.random() < 0.45:
        discs, holes = _discs(rng, image.shape, diameter_px)
        taken = np.maximum(taken, discs)
    if rng.random() < 0.2:
        taken = np.maximum(taken, _pores(rng, image.shape, diameter_px))
    image = image * (1.0 - taken)
    if rng.random() < 0.5 * (1.0 - 0.5 * clean):
        scratches = _scratches(rng, image.shape, diameter_px)
        image = image + scratches if rng.random() < 0.3 else image * (1.0 - scratches)
    if rng.random() < 0.35 * (1.0 - 0.8 * clean):
        image = _stain(rng, image, diameter_px)
    return image.astype(np.float32), (taken > SEEN_DIRT) | holes


def _spots(frame: Frame, distance_px: Floats, half_width_px: float) -> Floats:
    """Return the darkness of many small pits: everywhere, at the boundaries, in pockets, or in some grains."""
    rng, diameter_px = frame.rng, frame.diameter_px
    rows, cols = distance_px.shape
    sigma = float(np.clip(np.exp(rng.uniform(np.log(0.4), np.log(2.0))), 0.4, max(0.4, 0.05 * diameter_px)))
    if rng.random() < 0.5:
        sigma = float(np.clip(diameter_px * np.exp(rng.uniform(np.log(0.004), np.log(0.03))), 0.4, 6.0))
    per_grain = np.exp(rng.uniform(np.log(0.3), np.log(25.0)))
    count = int(min(per_grain * rows * cols / diameter_px**2, 0.008 * rows * cols / sigma**2, SPOTS_LIMIT))
    row, col = rng.integers(0, rows, count), rng.integers(0, cols, count)
    kind = rng.random()
    if kind < 0.35:
        reach = half_width_px * rng.uniform(1.0, 4.0) + 1.0
        keep = rng.random(count) < np.exp(-distance_px[row, col] / reach) + 0.05
    elif kind < 0.65:
        pocket = frame.noise(diameter_px * rng.uniform(0.5, 3.0))
        if kind < 0.57:
            pocket = 0.4 * pocket + frame.per_grain(rng.standard_normal(len(frame.radius_px)))
        keep = pocket[row, col] > rng.uniform(0.0, 1.5)
    else:
        keep = np.ones(count, bool)
    impulses = np.zeros((rows, cols), np.float32)
    np.add.at(impulses, (row[keep], col[keep]), rng.uniform(0.3, 1.5, int(keep.sum())).astype(np.float32))
    blobs = ndimage.gaussian_filter(impulses, sigma) * (2 * np.pi * sigma**2)
    blobs = np.clip(blobs * rng.uniform(0.8, 2.5), 0, 1) * rng.uniform(0.2, 1.0)
    return np.asarray(blobs, np.float32)


def _discs(rng: np.random.Generator, shape: tuple[int, ...], diameter_px: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the darkness of pits and carbides, some with a bright heart, and where they lie with their inside."""
    rows, cols = shape
    canvas = Image.new("L", (cols, rows), 0)
    whole = Image.new("1", (cols, rows), 0)
    draw, fill = ImageDraw.Draw(canvas), ImageDraw.Draw(whole)
    fields = rows * cols / diameter_px**2
    per_grain = float(np.exp(rng.uniform(np.log(0.03), np.log(8.0))))
    count = int(min(per_grain * fields, 5000)) + 1
    # few are large, many are small
    largest = float(np.clip(diameter_px * rng.uniform(0.015, 0.12) / max(1.0, per_grain) ** 0.5, 0.8, 40.0))
    for _ in range(count):
        radius = largest * float(rng.uniform(0.3, 1.0))
        y, x = rng.uniform(0, rows), rng.uniform(0, cols)
        wide, high = radius * rng.uniform(0.7, 1.4), radius * rng.uniform(0.7, 1.4)
        box = (x - wide, y - high, x + wide, y + high)
        dark = int(rng.uniform(90, 255))
        fill.ellipse(box, fill=1)
        if radius > 2.5 and rng.random() < 0.4:
            draw.ellipse(box, outline=dark, width=max(1, int(radius * 0.35)))
        else:
            draw.ellipse(box, fill=dark)
    return ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255.0, 0.6), np.asarray(whole)


def _pores(rng: np.random.Generator, shape: tuple[int, ...], diameter_px: float) -> Floats:
    """Return the darkness of a few ragged holes, up to a third of a grain wide: pores, or grains torn out."""
    relief = smooth_noise(rng, shape, max(diameter_px * rng.uniform(0.25, 0.7), 3.0))
    relief = relief + rng.uniform(0.0, 0.3) * smooth_noise(rng, shape, max(0.05 * diameter_px, 1.5))
    return np.asarray(np.clip((relief - rng.uniform(2.2, 3.2)) * 6.0, 0, 1) * rng.uniform(0.6, 1.0), np.float32)


def _scratches(rng: np.random.Generator, shape: tuple[int, ...], diameter_px: float) -> Floats:
    """Return the strength of polishing scratches in one or two common directions."""
    rows, cols = shape
    canvas = Image.new("L", (cols, rows), 0)
    draw = ImageDraw.Draw(canvas)
    reach = rows + cols
    for _ in range(int(rng.integers(1, 3))):
        angle, spread = rng.uniform(0, np.pi), rng.uniform(0.0, 0.12)
        widest = max(1.0, min(diameter_px * 0.02, 4.0))
        for _ in range(int(np.exp(rng.uniform(np.log(2), np.log(60))))):
            turn = angle + rng.normal(0, spread)
            y, x = rng.uniform(0, rows), rng.uniform(0, cols)
            half = reach * float(rng.uniform(0.02, 0.6))
            dy, dx = half * np.sin(turn), half * np.cos(turn)
            line = (x - dx, y - dy, x + dx, y + dy)
            draw.line(line, fill=int(rng.uniform(40, 255)), width=int(rng.uniform(1, widest + 1)))
    soft = ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255.0, rng.uniform(0.4, 1.0))
    return np.asarray(soft * rng.uniform(0.15, 0.9), np.float32)


def _stain(rng: np.random.Generator, image: Floats, diameter_px: float) -> Floats:
    """Return the image with blotches: darker, or with their own fine texture."""
    blotch = smooth_noise(rng, image.shape, max(diameter_px * rng.uniform(0.5, 4.0), 8.0))
    cover = np.clip((blotch - rng.uniform(0.3, 1.5)) * rng.uniform(0.6, 3.0), 0, 1) * rng.uniform(0.1, 0.4)
    if rng.random() < 0.5:
        cover = cover * np.clip(0.6 + 0.6 * smooth_noise(rng, image.shape, rng.uniform(1.5, 6.0)), 0, 1.6)
    return np.asarray(image * (1.0 - cover), np.float32)
