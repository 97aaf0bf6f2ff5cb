"""Draw what the world beside metal looks like: things that hide each other, walls, fibres, vessels, discs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from gdest.synth.tessellation import Floats, smooth_noise


def draw_scene(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return the picture (rows, cols) of one scene, reflectance about 0..1, float32.

    Half of them are things that hide each other; the other half are the everyday textures that lie
    nearest to etched steel: lines that meet, spots, strands. Most have large shades over them.
    """
    textures = (_wall, _fibres, _vessels, _discs, _weave)
    draw: Callable[[np.random.Generator, int, int], Floats] = (
        _things if rng.random() < 0.5 else textures[int(rng.integers(len(textures)))]
    )
    image = ndimage.gaussian_filter(draw(rng, rows, cols), rng.uniform(0.0, 1.5))
    if rng.random() < 0.6:
        image = image * (1.0 + rng.uniform(0.1, 0.35) * smooth_noise(rng, (rows, cols), rng.uniform(0.2, 1.0) * cols))
    return np.asarray(image, np.float32)


def cloud(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return noise (rows, cols) with a spectrum 1 / f^a, from white noise to clouds."""
    spectrum = np.fft.rfft2(rng.standard_normal((rows, cols)))
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(cols)[None, :])
    field = np.fft.irfft2(spectrum / np.maximum(frequency, 1.0 / cols) ** rng.uniform(0.0, 2.2), (rows, cols))
    return np.asarray(0.5 + rng.uniform(0.05, 0.3) * field / field.std(), np.float32)


def canvas(image: Floats) -> Image.Image:
    """Return reflectance (rows, cols) as a picture to draw on, clipped to black and white."""
    return Image.fromarray(np.asarray(255 * np.clip(image, 0, 1), np.uint8))


def reflectance(picture: Image.Image) -> Floats:
    """Return what was drawn as reflectance 0..1, (rows, cols) float32."""
    return np.asarray(picture, np.float32) / np.float32(255.0)


def _things(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return overlapping shaded things of every size, which have the statistics of photographs (dead leaves)."""
    picture = canvas(cloud(rng, rows, cols))
    power, spread = rng.uniform(1.0, 2.5), rng.uniform(5.0, 60.0)
    for _ in range(int(rng.integers(20, 400))):
        size = max(rows, cols) * 0.5 * (1.0 + spread * rng.random() ** (1.0 / power)) ** -1.0 + 2.0
        _paint(rng, picture, (float(rng.uniform(0, cols)), float(rng.uniform(0, rows))), size)
    return reflectance(picture)


def _paint(rng: np.random.Generator, picture: Image.Image, centre: tuple[float, float], size: float) -> None:
    """Paint one disc, polygon or bar, shaded and with its own texture, over the picture."""
    side = int(2 * size) + 2
    mask = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(mask)
    kind = rng.random()
    if kind < 0.4:
        squeeze = rng.uniform(0.4, 1.0)
        draw.ellipse((0, side * (1 - squeeze) / 2, side - 1, side * (1 + squeeze) / 2), fill=255)
    elif kind < 0.75:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        draw.polygon([(side / 2 + size * np.cos(a), side / 2 + size * np.sin(a)) for a in angles], fill=255)
    else:
        width = max(1, int(side * rng.uniform(0.02, 0.3)))
        draw.line([(0, rng.uniform(0, side)), (side, rng.uniform(0, side))], fill=255, width=width)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    shade = rng.uniform(0, 1) + rng.normal(0, 0.2) * x + rng.normal(0, 0.2) * y
    if rng.random() < 0.5:
        shade = shade + rng.uniform(0.0, 0.15) * smooth_noise(rng, (side, side), size * rng.uniform(0.02, 0.5))
    picture.paste(canvas(np.asarray(shade, np.float32)), (int(centre[0] - size), int(centre[1] - size)), mask)


def _wall(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return courses of bricks or tiles: every one its own shade, joints darker or lighter, seldom quite level."""
    high = float(np.exp(rng.uniform(np.log(15), np.log(160))))
    wide = high * rng.uniform(1.0, 3.0)
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    angle = rng.normal(0, 0.05)
    y, x = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
    wobble = high * rng.uniform(0.0, 0.06)
    y = y + wobble * smooth_noise(rng, (rows, cols), high)
    x = x + wobble * smooth_noise(rng, (rows, cols), high)
    course = np.floor(y / high)
    x = x + (course % 2) * wide * rng.choice([0.0, 0.5])
    brick = np.floor(x / wide)
    shade = rng.uniform(0.3, 0.7) + rng.uniform(0.02, 0.15) * rng.standard_normal(4096)
    image = shade[((course * 131 + brick * 17) % 4096).astype(int)]
    joint = np.minimum(np.minimum(y % high, high - y % high), np.minimum(x % wide, wide - x % wide))
    image = np.where(joint < high * rng.uniform(0.02, 0.12), rng.uniform(0.1, 0.95), image)
    return np.asarray(image + rng.uniform(0.0, 0.12) * smooth_noise(rng, (rows, cols), rng.uniform(1, 6)), np.float32)


def _fibres(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return grass, hair or wood: long bent strands that lie over each other, roughly along one direction."""
    picture = canvas(cloud(rng, rows, cols))
    draw = ImageDraw.Draw(picture)
    length, spread = rng.uniform(30, 300), rng.uniform(0.05, 1.5)
    along = rng.uniform(0, np.pi)
    thick = int(np.exp(rng.uniform(0, np.log(12))))
    for _ in range(int(min(4000, rng.uniform(1.0, 4.0) * rows * cols / (length * (thick + 1))))):
        angle, bend = along + rng.normal(0, spread), rng.normal(0, 0.15)
        path = [rng.uniform((0, 0), (cols, rows))]
        for _ in range(5):
            path.append(path[-1] + length / 5 * np.array([np.cos(angle), np.sin(angle)]))
            angle += bend
        draw.line([tuple(point) for point in path], fill=int(rng.uniform(20, 235)), width=thick, joint="curve")
    return reflectance(picture)


def _vessels(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return a bright or dark tree of vessels, roads or roots that thins as it branches, on a soft ground."""
    picture = Image.new("L", (cols, rows), 0)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(1, 5))):
        growing = [(rng.uniform((0, 0), (cols, rows)), rng.uniform(0, 2 * np.pi), rng.uniform(3, 14))]
        for _ in range(1500):
            if not growing:
                break
            at, angle, width = growing.pop(0)
            end = at + rng.uniform(10, 25) * np.array([np.cos(angle), np.sin(angle)])
            draw.line([tuple(at), tuple(end)], fill=255, width=max(1, round(width)))
            if width > 1.0:
                growing.append((end, angle + rng.normal(0, 0.25), width * 0.985))
                if rng.random() < 0.12:
                    growing.append((end, angle + rng.choice([-1, 1]) * rng.uniform(0.4, 1.1), width * 0.65))
    ground = 0.5 + 0.5 * (cloud(rng, rows, cols) - 0.5)
    return np.asarray(ground + rng.choice([-1, 1]) * rng.uniform(0.1, 0.45) * reflectance(picture), np.float32)


def _discs(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return coins, cells, bubbles or stars: separate round things of about one size on a ground."""
    ground = rng.uniform(0.0, 1.0)
    picture = canvas(ground + 0.4 * (cloud(rng, rows, cols) - 0.5))
    radius = float(np.exp(rng.uniform(np.log(2), np.log(70))))
    for _ in range(int(min(1500, rng.uniform(0.05, 0.6) * rows * cols / (np.pi * radius**2) + 3))):
        own = radius * np.exp(rng.normal(0, 0.25))
        side = int(2 * own) + 3
        y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        inside = np.hypot(x, y)
        shade = rng.uniform(0, 1) + rng.normal(0, 0.2) * x + rng.normal(0, 0.2) * y + rng.normal(0, 0.3) * inside**2
        mask = Image.fromarray(np.asarray(255 * np.clip((1.0 - inside) * own, 0, 1), np.uint8))
        corner = (int(rng.uniform(0, cols) - own), int(rng.uniform(0, rows) - own))
        picture.paste(canvas(np.asarray(shade, np.float32)), corner, mask)
    return reflectance(picture)


def _weave(rng: np.random.Generator, rows: int, cols: int) -> Floats:
    """Return cloth, ripples or gratings: one or two waves across the picture, bent a little."""
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    image = np.full((rows, cols), 0.5, np.float32)
    period = float(np.exp(rng.uniform(np.log(4), np.log(90))))
    angle = rng.uniform(0, np.pi)
    for turn in (0.0, np.pi / 2)[: int(rng.integers(1, 3))]:
        phase = (x * np.cos(angle + turn) + y * np.sin(angle + turn)) / period
        phase = phase + rng.uniform(0.0, 0.6) * smooth_noise(rng, (rows, cols), 6 * period)
        image += rng.uniform(0.05, 0.25) * np.sin(2 * np.pi * phase)
    return np.asarray(image + rng.uniform(0.0, 0.1) * smooth_noise(rng, (rows, cols), rng.uniform(1, 5)), np.float32)
