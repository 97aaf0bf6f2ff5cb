"""Pictures like grains, with burnt-in scale bars."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage


def steel(rng, rows=700, cols=900):
    """Return something like grains: grey patches with dark lines, (rows, cols, 3)."""
    seeds = np.zeros((rows, cols), np.int32)
    at = rng.integers(0, (rows, cols), (150, 2))
    seeds[at[:, 0], at[:, 1]] = np.arange(1, 151)
    nearest = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    grain = seeds[tuple(nearest)]
    grey = rng.integers(120, 210, 151)[grain].astype(np.uint8)
    grey[ndimage.morphological_gradient(grain, 3) > 0] = 60
    noisy = grey + rng.normal(0, 4, grey.shape)
    return np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def with_bar(picture, colour, length=200, text=None, ticks=True, thick=3):
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    top, left = picture.shape[0] - 80, picture.shape[1] - length - 60
    draw.rectangle((left, top, left + length, top + thick - 1), fill=colour)
    if ticks:
        for end in (left, left + length):
            draw.line((end, top - 8, end, top + thick + 7), fill=colour)
    if text:
        middle = left + length // 2
        font = ImageFont.load_default(26)
        draw.rectangle((middle - 60, top + 16, middle + 60, top + 52), fill="white")
        draw.text((middle, top + 34), text, fill="black", font=font, anchor="mm")
    return np.asarray(image)
