"""Do to a micrograph what archives show was done to pictures; none of it moves a boundary."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from gdest.synth.tessellation import Floats

Treatment = Callable[[np.random.Generator, Floats], Floats]

NUMBER_SHARES = (0.55, 0.32, 0.13)
"""The shares of pictures to which none, one or two things are done."""

COARSE_LINE_PX = 0.9
COARSE_GRAIN_PX = 24.0
"""What eats fine detail is done only to lines of at least this half width, in grains of at least this size."""


def treated(rng: np.random.Generator, image: Floats, line_px: float, diameter_px: float) -> tuple[Floats, list[str]]:
    """Return the image (rows, cols), 0..1, after none to two treatments, and their names.

    `line_px` is half the width of the finest line that must stay to be seen.
    """
    robust = line_px >= COARSE_LINE_PX and diameter_px >= COARSE_GRAIN_PX
    known = {**GENTLE, **HARSH} if robust else GENTLE
    number = int(rng.choice(len(NUMBER_SHARES), p=NUMBER_SHARES))
    names = [str(name) for name in rng.choice(list(known), number, replace=False)]
    for name in names:
        image = np.clip(known[name](rng, image), 0.0, 1.0).astype(np.float32)
    return image, names


def _inverted(_rng: np.random.Generator, image: Floats) -> Floats:
    return 1.0 - image


def _equalised(rng: np.random.Generator, image: Floats) -> Floats:
    """Spread the greys evenly, wholly or in part."""
    counts, edges = np.histogram(image, 256, (0.0, 1.0))
    ranks = np.cumsum(counts) / image.size
    share = min(1.0, rng.uniform(0.4, 1.4))
    return np.asarray((1 - share) * image + share * np.interp(image, edges[1:], ranks), np.float32)


def _sharpened(rng: np.random.Generator, image: Floats) -> Floats:
    blurred = ndimage.gaussian_filter(image, rng.uniform(0.7, 4.0))
    return np.asarray(image + rng.uniform(0.8, 3.0) * (image - blurred), np.float32)


def _smoothed(rng: np.random.Generator, image: Floats) -> Floats:
    """Take the noise away and leave the edges, as the denoisers of cameras do (guided filter, He et al. 2010)."""
    side = int(rng.integers(3, 7))
    mean = ndimage.uniform_filter(image, side)
    variance = ndimage.uniform_filter(image * image, side) - mean * mean
    share = variance / (variance + rng.uniform(0.02, 0.06) ** 2)
    share, offset = (ndimage.uniform_filter(one, side) for one in (share, mean * (1 - share)))
    return np.asarray(share * image + offset, np.float32)


def _vignetted(rng: np.random.Generator, image: Floats) -> Floats:
    rows, cols = image.shape
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : cols * 1j].astype(np.float32)
    off = rng.uniform(-0.4, 0.4, 2)
    away = (y - off[0]) ** 2 + (x - off[1]) ** 2
    return np.asarray(image * (1.0 - rng.uniform(0.15, 0.5) * np.clip(away / 2, 0, 1) ** rng.uniform(0.7, 2.0)))


def _curved(rng: np.random.Generator, image: Floats) -> Floats:
    """Bend the greys between the picture's own darkest and lightest: gamma, or an S that makes the contrast hard."""
    dark, light = np.percentile(image[::3, ::3], [1, 99])
    image = np.clip((image - dark) / max(light - dark, 0.05), 0.0, 1.0)
    return np.asarray(dark + (light - dark) * _bent(rng, image), np.float32)


def _bent(rng: np.random.Generator, image: Floats) -> Floats:
    if rng.random() < 0.5:
        return np.asarray(image ** np.exp(rng.uniform(np.log(0.45), np.log(2.2))), np.float32)
    middle, steep = rng.uniform(0.35, 0.65), rng.uniform(3.0, 8.0)
    low, high = np.tanh(-steep * middle / 2), np.tanh(steep * (1 - middle) / 2)
    return np.asarray((np.tanh(steep * (image - middle) / 2) - low) / (high - low), np.float32)


def _scratched(rng: np.random.Generator, image: Floats) -> Floats:
    """Burn a few long scratches in, lighter or darker than the metal."""
    rows, cols = image.shape
    canvas = Image.new("L", (cols, rows), 0)
    for _ in range(int(rng.integers(1, 12))):
        line = [tuple(rng.uniform((-0.2 * cols, -0.2 * rows), (1.2 * cols, 1.2 * rows))) for _ in range(2)]
        ImageDraw.Draw(canvas).line(line, fill=int(rng.uniform(60, 255)), width=int(rng.integers(1, 3)))
    cover = ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255.0, 0.5)
    return np.asarray(image + cover * (rng.uniform(0.0, 1.0) - image), np.float32)


def _relief(rng: np.random.Generator, image: Floats) -> Floats:
    """Light the picture from the side, as differential interference contrast does with steps and grooves."""
    reach = rng.uniform(0.5, 1.2)
    angle = rng.uniform(0, 2 * np.pi)
    down, right = (ndimage.gaussian_filter(image, reach, order) for order in ((1, 0), (0, 1)))
    slope = np.cos(angle) * right + np.sin(angle) * down
    slope = slope / max(float(np.percentile(np.abs(slope[::3, ::3]), 97)), 1e-3)
    dark, light = np.percentile(image[::3, ::3], [1, 99])
    keep = rng.uniform(0.3, 0.8) / max(float(light - dark), 0.1)
    return np.asarray(0.5 + keep * (image - image.mean()) + rng.uniform(0.1, 0.3) * np.clip(slope, -2, 2), np.float32)


def _median(_rng: np.random.Generator, image: Floats) -> Floats:
    grey = Image.fromarray(np.asarray(255 * image, np.uint8))
    return np.asarray(grey.filter(ImageFilter.MedianFilter(3)), np.float32) / 255.0


def _halftoned(rng: np.random.Generator, image: Floats) -> Floats:
    """Print the picture with a screen of dots, and scan it a little out of focus."""
    rows, cols = image.shape
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    period, angle = rng.uniform(2.2, 4.0), rng.uniform(0, np.pi / 2)
    wave = 2 * np.pi / period
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    screen = 0.25 * (np.cos(wave * along) + np.cos(wave * across))
    printed = np.clip((image - 0.5 + screen) * rng.uniform(1.5, 4.0) + 0.5, 0, 1)
    soft = ndimage.gaussian_filter(printed, rng.uniform(0.5, 0.9))
    share = rng.uniform(0.4, 1.0)
    return np.asarray((1 - share) * image + share * soft, np.float32)


GENTLE: dict[str, Treatment] = {
    "inverted": _inverted,
    "equalised": _equalised,
    "sharpened": _sharpened,
    "smoothed": _smoothed,
    "vignetted": _vignetted,
    "curved": _curved,
    "scratched": _scratched,
    "relief": _relief,
}
HARSH: dict[str, Treatment] = {"median": _median, "halftoned": _halftoned}
