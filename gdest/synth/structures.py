"""Draw metal whose grains cannot be counted: two phases, eutectics, dendrites, laths, nodules, fractures.

None is drawn after a real picture; all are drawn from what such structures have in common.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from gdest.core import STRUCTURES, boundary_mask
from gdest.synth import tessellation
from gdest.synth.optics import Camera, photograph
from gdest.synth.scenes import canvas, reflectance
from gdest.synth.tessellation import Floats, Labels, smooth_noise

SIZES_PX = (7.0, 90.0)
"""Between which the structure's own length lies: an island, a packet of laths, a facet."""

CAREFUL = Camera(least_white=90.0)


def draw_structure(rng: np.random.Generator, rows: int, cols: int, kind: str | None = None) -> Floats:
    """Return the picture (rows, cols) of a structure as the camera sees it, reflectance 0..1, float32.

    `kind` is one of `STRUCTURES`, which are drawn alike often without it; raises `KeyError` for another word.
    """
    draw: dict[str, Callable[[np.random.Generator, int, int, float], Floats]] = {
        "pearlite": _pearlite_among_ferrite,
        "islands": _islands,
        "lamellae": _lamellae,
        "dendrites": _dendrites,
        "laths": _laths,
        "nodules": _nodules,
        "fracture": _fracture,
        "precipitates": _precipitates,
    }
    size_px = float(np.exp(rng.uniform(*np.log(SIZES_PX))))
    image = draw[kind or STRUCTURES[int(rng.integers(len(STRUCTURES)))]](rng, rows, cols, size_px)
    image = image + np.float32(rng.uniform(0.0, 0.06)) * smooth_noise(rng, (rows, cols), rng.uniform(1.0, 4.0))
    return photograph(rng, np.asarray(image, np.float32), size_px, CAREFUL)


def _cells(rng: np.random.Generator, rows: int, cols: int, size_px: float) -> Labels:
    """Return a label map of cells of about one size."""
    return tessellation.section(rng, rows, cols, size_px**-2.0, tessellation.random_shape(rng))


def _of_each(rng: np.random.Generator, labels: Labels, low: float, high: float) -> Floats:
    """Return a number of each cell's own at each of its pixels."""
    return np.asarray(rng.uniform(low, high, int(labels.max()) + 1).astype(np.float32)[labels])


def _stripes(rng: np.random.Generator, labels: Labels, period_px: float) -> Floats:
    """Return waves 0..1 in each cell, along a direction of its own, bent a little."""
    rows, cols = labels.shape
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    angle = _of_each(rng, labels, 0.0, np.pi)
    angle = angle + np.float32(rng.uniform(0.0, 0.25)) * smooth_noise(rng, (rows, cols), 6.0 * period_px)
    bent = np.float32(rng.uniform(0.05, 0.5)) * smooth_noise(rng, (rows, cols), 3.0 * period_px)
    period = np.float32(period_px) * _of_each(rng, labels, 0.8, 1.3)
    return np.asarray(0.5 + 0.5 * np.sin(2.0 * np.pi * ((x * np.cos(angle) + y * np.sin(angle)) / period + bent)))


def _pearlite_among_ferrite(rng: np.random.Generator, rows: int, cols: int, size_px: float) -> Floats:
    """Return bright grains, with or without boundaries, and dark ones with stripes or specks in them.

    One in four is the other way round: dark cells within a bright network that lies on their boundaries.
    """
    labels = _cells(rng, rows, cols, size_px)
    boundary = boundary_mask(labels)
    if rng.random() < 0.25:
        away = ndimage.distance_transform_edt(~boundary)
        wide = size_px * np.float32(rng.uniform(0.05, 0.2)) * (1.0 + 0.6 * smooth_noise(rng, (rows, cols), size_px))
        dark = away > wide
    else:
        dark = _of_each(rng, labels, 0.0, 1.0) < rng.uniform(0.18, 0.85)
        dark ^= ndimage.gaussian_filter(dark.astype(np.float32), 0.06 * size_px) > 0.5
        dark = ndimage.median_filter(dark, 3)
    bright = rng.uniform(0.7, 0.95)
    image = bright + _of_each(rng, labels, -1.0, 1.0) * np.float32(rng.uniform(0.0, 0.08))
    etched = np.float32(rng.choice([0.0, rng.uniform(0.0, 0.5)]))
    line = ndimage.gaussian_filter(boundary.astype(np.float32), 0.6) * etched
    striped = _stripes(rng, labels, max(2.5, size_px * rng.uniform(0.05, 0.2)))
    specks = smooth_noise(rng, (rows, cols), rng.uniform(1.0, 4.0))
    inside = rng.uniform(0.1, 0.5) + np.float32(rng.uniform(0.0, 0.3)) * striped + np.float32(0.08) * specks
    shade = _of_each(rng, labels, -1.0, 1.0) * np.float32(rng.uniform(0.0, 0.2))
    return np.asarray(np.where(dark, inside + shade, image - line), np.float32)


def _islands(rng: np.random.Generator, rows: int, cols: int, size_px: float) -> Floats:
    """Return islands of one phase in another, round or drawn out, down to a network of both."""
    stretch = np.exp(rng.uniform(0.0, 0.9))
    turned = 2 * max(rows, cols)
    field = ndimage.gaussian_filter(
        rng.standard_normal((turned, turned), dtype=np.float32), (0.3 * size_px, 0.3 * size_px * stretch)
    )
    field = ndimage.rotate(field, rng.uniform(0.0, 180.0), reshape=False, order=1)
    top, left = (turned - rows) // 2, (turned - cols) // 2
    field = field[top : top + rows, left : left + cols]
    field = field + field.std() * np.float32(rng.uniform(0.0, 0.35)) * smooth_noise(rng, (rows, cols), 0.2 * size_px)
    second = field > np.quantile(field, rng.uniform(0.12, 0.88))
    mottled = np.float32(rng.uniform(0.0, 0.15)) * smooth_noise(rng, (rows, cols), rng.uniform(1.0, 5.0))
    image = np.where(second, np.float32(rng.uniform(0.1, 0.6)) + mottled, np.float32(0.85))
    rim = boundary_mask(second.astype(np.int32))
    image = image - ndimage.gaussian_filter(rim.astype(np.float32), 0.7) * np.float32(rng.choice([0.0, 0.3, 0.7]))
    return np.asarray(image, np.float32)


def _lamellae(rng: np.random.Generator, rows: int, cols: int, size_px: float) -> Floats:
    """Return colonies of lamellae or rods, as in eutectics and coarse pearlite."""
    labels = _cells(rng, rows, cols, max(size_px, 25.0) * rng.uniform(1.0, 3.0))
    period = max(3.0, size_px * rng.uniform(0.15, 0.5))
    waves = _stripes(rng, labels, period)
    waves = waves + np.float32(rng.uniform(0.0, 0.5)) * smooth_noise(rng, (rows, cols), period * rng.uniform(0.5, 3.0))
    edge = np.float32(rng.uniform(4.0, 12.0))
    dark = 1.0 / (1.0 + np.exp(-edge * (waves - np.float32(rng.uniform(0.3, 0.7)))))
    return np.asarray(0.85 - np.float32(rng.uniform(0.15, 0.7)) * dark, np.float32)


def _dendrites(rng: np.random.Generator, rows: int, cols: int, size_px: float) -> Floats:
    """Return arms that cross at right angles, in large grains, cored or with a dark eutectic between them."""
    labels = _cells(rng, rows, cols, rng.uniform(4.0, 20.0) * size_px)
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    angle = _of_each(rng, labels, 0.0, np.pi / 2)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    wobble = np.float32(rng.uniform(0.1, 0.5)) * size_px
    along = along + wobble * smooth_noise(rng, (rows, cols), 2.0 * size_px)
    across = across + wobble * smooth_noise(rng, (rows, cols), 2.0 * size_px)
    trunk = np.cos(2 * np.pi * across / (size_px * rng.uniform(1.5, 4.0)))
    arms = np.cos(2 * np.pi * along / size_px)
    field = np.maximum(trunk, rng.uniform(0.6, 1.0) * arms)
    field = field + np.float32(rng.uniform(0.1, 0.4)) * smooth_noise(rng, (rows, cols), 0.4 * size_px)
    edge = np.float32(rng.uniform(1.5, 10.0))
    between = 1.0 / (1.0 + np.exp(edge * (field - np.float32(rng.uniform(-0.1, 0.6)))))
    return np.asarray(0.85 - np.float32(rng.uniform(0.2, 0.7)) * between, np.float32)


def _laths(rng: np.random.Generator, rows: int, cols: int, size_px: float) -> Floats:
    """Return needles and laths that lie across each other in few directions: martensite, bainite, alpha in titanium."""
    packets = _cells(rng, rows, cols, rng.uniform(2.0, 6.0) * size_px)
    first = rng.uniform(0.0, np.pi, int(packets.max()) + 1)
    steps = (0.0, np.pi / 3, 2 * np.pi / 3) if rng.random() < 0.5 else (0.0, np.pi / 2)
    picture = Image.fromarray(np.full((rows, cols), int(rng.uniform(120, 230)), np.uint8))
    draw = ImageDraw.Draw(picture)
    thin = size_px * rng.uniform(0.04, 0.25)
    least, most = sorted(rng.uniform(10, 245, 2))
    for _ in range(int(min(6000, rng.uniform(0.7, 2.5) * rows * cols / (size_px * (thin + 1.0))))):
        row, col = rng.uniform((0, 0), (rows, cols))
        angle = first[packets[int(row), int(col)]] + steps[int(rng.integers(len(steps)))] + rng.normal(0, 0.06)
        half = 0.5 * size_px * np.exp(rng.normal(0, 0.4)) * np.array([np.cos(angle), np.sin(angle)])
        side = max(thin * np.exp(rng.normal(0, 0.4)), 0.7) * np.array([-np.sin(angle), np.cos(angle)])
        middle = np.array([col, row])
        corners = [middle - half, middle + side, middle + half, middle - side]
        outline = int(rng.uniform(0, least)) if rng.random() < 0.4 else None
        draw.polygon([tuple(corner) for corner in corners], fill=int(rng.uniform(least, most)), outline=outline)
    return reflectance(picture)


def _nodules(rng: np.random.Generator, rows: int, cols: int, size_px: float) -> Floats:
    """Return round particles of their own grey, sparse as graphite or dense as spheroidised carbides."""
    picture = Image.fromarray(np.full((rows, cols), 215, np.uint8))
    draw = ImageDraw.Draw(picture)
    radius = 0.3 * size_px
    shade, halo = int(rng.uniform(0, 130)), rng.random() < 0.3
    for _ in range(int(min(4000, rng.uniform(0.15, 0.6) * rows * cols / (np.pi * radius**2)) + 5)):
        own = max(radius * np.exp(rng.normal(0, 0.45)), 1.0)
        squeeze = rng.uniform(0.6, 1.0)
        row, col = rng.uniform((0, 0), (rows, cols))
        if halo:
            draw.ellipse((col - 1.7 * own, row - 1.7 * own, col + 1.7 * own, row + 1.7 * own), fill=250)
        draw.ellipse((col - own, row - squeeze * own, col + own, row + squeeze * own), fill=shade)
    image = reflectance(picture)
    return image if rng.random() < 0.7 else 1.0 - image


def _precipitates(rng: np.random.Generator, rows: int, cols: int, size_px: float) -> Floats:
    """Return grains with rimmed, mottled particles on their boundaries, a third to three quarters as wide as they."""
    labels = _cells(rng, rows, cols, 2.0 * size_px)
    boundary = boundary_mask(labels)
    line = ndimage.gaussian_filter(boundary.astype(np.float32), rng.uniform(0.5, 1.2))
    picture = canvas(0.85 - np.float32(rng.uniform(0.2, 1.2)) * line)
    draw = ImageDraw.Draw(picture)
    at = np.argwhere(boundary | ~boundary.any())  # one grain may fill a small picture
    inside = Image.new("L", (cols, rows), 0)
    dots = ImageDraw.Draw(inside)
    most = size_px * rng.uniform(0.35, 0.75)
    rim = max(1, round(most * rng.uniform(0.1, 0.3)))
    for _ in range(int(min(2500, rng.uniform(0.8, 2.2) * rows * cols / (2.0 * size_px) ** 2)) + 3):
        row, col = at[int(rng.integers(len(at)))] + rng.normal(0, 0.2 * size_px, 2)
        turned = (np.arange(9) + rng.uniform(0.0, 0.7, 9)) * (2 * np.pi / 9)
        radius = most * rng.uniform(0.5, 1.0) * rng.uniform(0.85, 1.1, 9)
        corners = [(col + far * np.cos(a), row + far * np.sin(a)) for far, a in zip(radius, turned, strict=True)]
        draw.polygon(corners, fill=int(rng.uniform(60, 220)), outline=int(rng.uniform(0, 60)), width=rim)
        dots.polygon(corners, fill=255)
    mottled = smooth_noise(rng, (rows, cols), max(1.5, most * rng.uniform(0.1, 0.4))) * np.float32(rng.uniform(0, 0.25))
    image = reflectance(picture) + mottled * (np.asarray(inside) > 0)
    return np.asarray(image if rng.random() < 0.7 else 1.0 - image, np.float32)


def _fracture(rng: np.random.Generator, rows: int, cols: int, size_px: float) -> Floats:
    """Return the facets of a broken face, each tilted, with steps on them and bright ridges, as an SEM shows it."""
    labels = _cells(rng, rows, cols, size_px)
    tilt_y, tilt_x = _of_each(rng, labels, -1.0, 1.0), _of_each(rng, labels, -1.0, 1.0)
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    rough = smooth_noise(rng, (rows, cols), 0.3 * size_px) * np.float32(0.12 * size_px)
    rivers = _stripes(rng, labels, max(3.0, size_px * rng.uniform(0.1, 0.3))) * np.float32(rng.uniform(0.0, 1.5))
    height = tilt_y * y + tilt_x * x + rough + rivers
    slope: NDArray[np.float32] = np.clip(np.gradient(height, axis=0) + np.gradient(height, axis=1), -2.5, 2.5)
    ridge = ndimage.gaussian_filter(boundary_mask(labels).astype(np.float32), rng.uniform(0.5, 1.5))
    return np.asarray(0.45 + 0.12 * slope + np.float32(rng.uniform(0.2, 0.9)) * ridge, np.float32)
