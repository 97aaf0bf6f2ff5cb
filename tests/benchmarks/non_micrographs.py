"""Make 200 pictures that are no gradeable micrograph: photographs, noise, gradients, text, blanks, defocus.

    python tests/benchmarks/non_micrographs.py FOLDER

The photographs are those that scikit-image ships, cut at random; the rest is drawn here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from skimage import data

from gdest.reading.micrograph import grey_8_bit
from gdest.synth.dataset import make_micrograph, write_tiff

ROWS, COLS = 720, 960
PHOTOGRAPHS = (
    *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png"),
    *("hubble_deep_field.jpg", "ihc.png", "moon.png", "retina.jpg", "rocket.jpg", "cell.png", "color.png"),
    *("motorcycle_left.png", "phantom.png"),
)
WORDS = ("ASTM", "E112", "report", "laboratory", "specimen", "magnification", "etchant", "operator", "date", "sign")


def photographs(rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    """Yield grey cut-outs of photographs, at their own size or enlarged, never smaller than 300 px."""
    folder = Path(data.__file__).parent
    for i in range(count):
        with Image.open(folder / PHOTOGRAPHS[i % len(PHOTOGRAPHS)]) as image:
            grey = Image.fromarray(grey_8_bit(np.asarray(image.convert("RGB"))))
        side = min(*grey.size, int(rng.integers(300, 900)))
        left, top = (int(rng.integers(0, length - side + 1)) for length in grey.size)
        zoom = float(rng.uniform(1.0, 2.0))
        yield np.asarray(grey.crop((left, top, left + side, top + side)).resize((int(side * zoom),) * 2))


def noise(rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    """Yield noise whose spectrum falls as 1 / f^a: white, pink, clouds."""
    for i in range(count):
        spectrum = np.fft.rfft2(rng.standard_normal((ROWS, COLS)))
        frequency = np.hypot(np.fft.fftfreq(ROWS)[:, None], np.fft.rfftfreq(COLS)[None, :])
        field = np.fft.irfft2(spectrum / np.maximum(frequency, 1 / COLS) ** (0.25 * (i % 9)), (ROWS, COLS))
        yield np.clip(128 + rng.uniform(15, 60) * field / field.std(), 0, 255)


def gradients(rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    """Yield plane and round gradients with a little sensor noise."""
    rows, cols = np.mgrid[-1 : 1 : ROWS * 1j, -1 : 1 : COLS * 1j]
    for i in range(count):
        angle = rng.uniform(0, 2 * np.pi)
        ramp = rows * np.sin(angle) + cols * np.cos(angle) if i % 2 else -np.hypot(rows, cols)
        yield np.clip(128 + rng.uniform(30, 90) * ramp + rng.normal(0, rng.uniform(0.2, 3), ramp.shape), 0, 255)


def text(rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    """Yield pages of text in sizes from small print to headlines."""
    for _ in range(count):
        size = int(np.exp(rng.uniform(np.log(10), np.log(60))))
        page = Image.new("L", (COLS, ROWS), 250)
        draw = ImageDraw.Draw(page)
        for top in range(10, ROWS, int(1.4 * size)):
            draw.text((10, top), " ".join(rng.choice(WORDS, 40)), fill=20, font=ImageFont.load_default(size))
        yield np.asarray(page, np.float64) + rng.normal(0, 2, (ROWS, COLS))


def blanks(rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    """Yield an empty stage: one grey with sensor noise."""
    for _ in range(count):
        yield rng.uniform(5, 250) + rng.normal(0, rng.uniform(0, 6), (ROWS, COLS))


def defocused(rng: np.random.Generator, count: int) -> Iterator[np.ndarray]:
    """Yield synthetic fields so far out of focus that a quarter to a half of a grain is blurred into one."""
    for _ in range(count):
        made = make_micrograph(rng, float(rng.uniform(3.5, 9)), ROWS, COLS, 1.0)
        diameter = np.sqrt(made.labels.size / (made.labels.max() + 1))
        blurred = ndimage.gaussian_filter(made.pixels.astype(float), rng.uniform(0.25, 0.5) * diameter)
        yield blurred + rng.normal(0, 1, blurred.shape)


KINDS = {photographs: 80, noise: 30, gradients: 20, text: 20, blanks: 10, defocused: 40}


def write_non_micrographs(folder: Path, seed: int = 0) -> None:
    """Write all of them as TIFF of 1 um/px, each named after its kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw, count in KINDS.items():
        for i, pixels in enumerate(draw(np.random.default_rng([seed, count]), count)):
            write_tiff(folder / f"{draw.__name__}-{i:02d}.tif", np.clip(pixels, 0, 255).astype(np.uint8), 1.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    write_non_micrographs(parser.parse_args().folder)
