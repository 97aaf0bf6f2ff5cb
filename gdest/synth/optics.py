"""Photograph a synthetic section: light, focus, camera, JPEG."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from gdest.synth.tessellation import Floats, smooth_noise

MOST_WHITE, BRIGHT = 0.6, 0.99
"""An even bright ground is exposed to this grey, where else more than this share of the picture would be burnt out:
of 77 real fields none has more than a third."""


@dataclass(frozen=True)
class Camera:
    """Say what the camera spares: no grey below the percentile `least_white` is burnt out to white.

    At most `most_blur_px` (sigma) is lost to focus, and the greys span `least_span` to `most_span` of black to white;
    `noise` is the most sensor noise, as a share of that span.
    """

    least_white: float = 50.0
    most_blur_px: float = 1.3
    least_span: float = 0.3
    most_span: float = 1.15
    noise: float = 0.04


def photograph(
    rng: np.random.Generator, image: Floats, diameter_px: float, camera: Camera, cleared: float = 1.0
) -> Floats:
    """Return reflectance as the camera sees it: focus, uneven light, gamma, noise, exposure, 0..1.

    With `cleared` above 1 darkness is raised to this power, so that a bright ground is even, its noise is least, and
    black is nearly black.
    """
    image = _focus(rng, image, diameter_px, camera.most_blur_px)
    if rng.random() < 0.45:
        image = _sharpened(rng, image)
    image = image * _light(rng, image.shape)
    # often the grains themselves are burnt out to white, and only lines and dirt are left
    white = 99.5 if rng.random() < 0.55 else rng.uniform(camera.least_white, 99.0)
    low, high = np.percentile(image[::3, ::3], [0.5, white])
    image = np.clip((image - low) / max(high - low, 1e-3), -0.2, 1.3)
    dark = 1.0 - image
    image = 1.0 - np.sign(dark) * np.abs(dark) ** cleared
    image = np.sign(image) * np.abs(image) ** rng.uniform(0.7, 1.5)
    is_cleared = cleared > 1.0
    floor = rng.uniform(0.0, 0.15 if is_cleared else 0.35)
    span = rng.uniform(max(camera.least_span, 0.55 * is_cleared), camera.most_span) * (1.0 - floor)
    if rng.random() < 0.04:
        image = 1.0 - image  # dark field: bright boundaries
    image = floor + span * image
    noisy = image + span * _sensor_noise(rng, image.shape, camera.noise * (0.4 if is_cleared else 1.0))
    return np.asarray(np.clip(_exposed(noisy), 0.0, 1.0), np.float32)


def _exposed(image: Floats) -> Floats:
    """Return the image, darker where its ground would be burnt out to white."""
    ground = float(np.quantile(image[::3, ::3], 1.0 - MOST_WHITE))
    return image * np.float32(BRIGHT / ground) if ground > 1.0 else image


def _sharpened(rng: np.random.Generator, image: Floats) -> Floats:
    """Sharpen as the camera's software does: light rims beside dark lines."""
    blurred = ndimage.gaussian_filter(image, rng.uniform(0.7, 2.5))
    return np.asarray(image + rng.uniform(0.2, 1.5) * (image - blurred), np.float32)


def _focus(rng: np.random.Generator, image: Floats, diameter_px: float, most_px: float) -> Floats:
    """Blur the whole field a little, and sometimes a part of it more; grains stay resolvable."""
    limit = min(2.0 * most_px, 0.09 * diameter_px)
    image = ndimage.gaussian_filter(image, rng.uniform(0.0, min(most_px, limit)))
    if rng.random() < 0.2:
        soft = ndimage.gaussian_filter(image, rng.uniform(0.5, 1.0) * limit)
        where = np.clip(smooth_noise(rng, image.shape, 0.5 * max(image.shape)) + 0.5, 0, 1)
        image = image * (1 - where) + soft * where
    return np.asarray(image, np.float32)


def _light(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Return the illumination: a slope and a vignette, about 1."""
    rows, cols = shape
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, cols, dtype=np.float32)[None, :]
    slope = rng.normal(0, 0.06, 2).astype(np.float32)
    vignette = rng.uniform(0, 0.2) if rng.random() < 0.5 else 0.0
    return np.asarray(1.0 + slope[0] * y + slope[1] * x - vignette * (x * x + y * y), np.float32)


def _sensor_noise(rng: np.random.Generator, shape: tuple[int, ...], most: float) -> Floats:
    """Return the camera's noise, white and slightly correlated."""
    white = rng.standard_normal(shape, dtype=np.float32) * np.float32(most * rng.random() ** 2)
    if rng.random() < 0.4:
        white = white + np.float32(most * rng.random() ** 2) * smooth_noise(rng, shape, rng.uniform(1.2, 2.5))
    return white


def to_8_bit(rng: np.random.Generator, image: Floats) -> NDArray[np.uint8]:
    """Return the image (rows, cols) as uint8, seven in ten after a pass through JPEG."""
    grey = np.round(image * 255).astype(np.uint8)
    if rng.random() < 0.3:
        return grey
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "JPEG", quality=int(rng.integers(55, 97)))
    with Image.open(buffer) as reopened:
        return np.asarray(reopened)
