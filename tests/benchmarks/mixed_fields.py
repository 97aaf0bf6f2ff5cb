"""Draw the micrographs of `homogeneity.py`: uniform ones, and mixed ones made of these, by region or grain by grain."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from gdest.synth.dataset import make_micrograph

ROWS, COLS = 960, 1280
LEVELS = np.arange(2.5, 12.51, 0.5)
KINDS = ("halves", "bands", "patch", "gradient", "quadrants", "patch", "blocks", "bands", "gradient")
STRIPS = 8
SMALLEST_CONTRAST, LARGEST_CONTRAST = 2.0, 4.0
ISOLATED_AREA = 0.2
MEAN_GREY, SD_GREY = 140.0, 40.0

GRAIN_KINDS = ("bimodal", "isolated-coarse", "necklace", "wide-range")
"""Classes of E1181 that lie mixed grain by grain."""

COARSE, FINE = (3.5, 7.0), 11.5
"""The coarse grains' G, and the finest: a field must hold enough of the first and show the others."""

APART = (3.6, 5.0)
"""In G, between the two sizes of a grain-by-grain mixture (FIELD.md 3.6: four)."""

RING_DIAMETERS = 1.3
"""Width of a necklace's ring, in diameters of its fine grains."""


@dataclass(frozen=True)
class Case:
    """Say what one micrograph of the set shows: its kind, true G of its parts, and the type to be suggested."""

    name: str
    kind: str
    coarse: float
    fine: float
    area: float
    kind_due: str

    @property
    def is_mixed(self) -> bool:
        return self.kind != "uniform"

    @property
    def by_grains(self) -> bool:
        return self.kind.startswith("grains-")


def draw_uniform(job: tuple[Path, int, int]) -> None:
    """Draw uniform micrograph `index` of a seed, once, with its label map; its counted G stands beside it."""
    folder, seed, index = job
    path = folder / f"uniform-{index:04d}.png"
    if path.with_suffix(".json").is_file():
        return
    made = make_micrograph(np.random.default_rng([seed, index]), level(index), ROWS, COLS, 1.0)
    Image.fromarray(made.pixels).save(path, compress_level=1)
    np.savez_compressed(path.with_suffix(".labels.npz"), labels=made.labels)
    path.with_suffix(".json").write_text(json.dumps(made.g))


def level(index: int) -> float:
    """Return the wanted G of uniform micrograph `index`; any first few are spread over the whole range."""
    return float(LEVELS[index * 8 % len(LEVELS)])


class Bank:
    """Give the uniform micrographs of a seed, and splice them."""

    def __init__(self, folder: Path, count: int) -> None:
        paths = [folder / f"uniform-{index:04d}.png" for index in range(count)]
        self.paths = paths
        self.g = np.array([json.loads(path.with_suffix(".json").read_text()) for path in paths])

    def picture(self, index: int) -> np.ndarray:
        return np.asarray(Image.open(self.paths[index]))

    def in_one_grey(self, index: int) -> np.ndarray:
        """Return a picture in the grey of them all: a section has one light and one etch."""
        pixels = self.picture(index).astype(np.float32)
        grey = MEAN_GREY + (pixels - pixels.mean()) * (SD_GREY / max(float(pixels.std()), 1.0))
        return np.clip(grey, 0, 255).astype(np.uint8)

    def turned(self, rng: np.random.Generator, index: int) -> np.ndarray:
        """Return a picture in the grey of them all, mirrored by chance."""
        return self.in_one_grey(index)[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]

    def labels(self, index: int) -> np.ndarray:
        with np.load(self.paths[index].with_suffix(".labels.npz")) as kept:
            return np.asarray(kept["labels"])

    def nearest(self, g: float) -> int:
        return int(np.argmin(np.abs(self.g - g)))

    def pair(self, rng: np.random.Generator, low: float, high: float, finest: float = np.inf) -> tuple[int, int]:
        """Return a coarse and a fine micrograph, `low` to `high` apart."""
        gaps = self.g[None, :] - self.g[:, None]
        fits = (gaps >= low) & (gaps <= high) & (self.g[None, :] <= finest)
        if np.isfinite(finest):
            fits &= (self.g[:, None] >= COARSE[0]) & (self.g[:, None] <= COARSE[1])
        pairs = np.argwhere(fits)
        first = rng.choice(np.unique(pairs[:, 0]))  # every coarse one is as likely, whatever its number of partners
        return int(first), int(rng.choice(pairs[pairs[:, 0] == first, 1]))


def spliced(bank: Bank, seed: int, index: int) -> tuple[Case, np.ndarray]:
    """Return mixed micrograph `index` of a seed: what it shows, and its grey pixels (rows, cols)."""
    rng = np.random.default_rng([seed, 6600, index])
    kind, upright = KINDS[index % len(KINDS)], bool(rng.random() < 0.5)
    coarse, fine = bank.pair(rng, SMALLEST_CONTRAST, LARGEST_CONTRAST)
    ends = float(bank.g[coarse]), float(bank.g[fine])
    name = f"{kind}-{index:04d}"
    if kind in ("gradient", "blocks"):
        pixels = _slope(rng, bank, ends, upright) if kind == "gradient" else _blocks(rng, bank, ends)
        return Case(name, kind, *ends, 0.5, "gradient" if kind == "gradient" else "wide-range"), pixels
    part = _part(rng, kind, upright)
    is_coarse = bool(rng.random() < 0.5)
    inside, outside = (coarse, fine) if is_coarse else (fine, coarse)
    pixels = np.where(part, bank.turned(rng, inside), bank.turned(rng, outside))
    area = float(part.mean())
    due = {"bands": f"banding-{'vertical' if upright else 'horizontal'}"}.get(kind, "bimodal")
    isolated = kind == "patch" or (kind == "quadrants" and area < 0.3)
    if isolated and is_coarse and area <= ISOLATED_AREA:
        due = "isolated-coarse"
    return Case(name, kind, *ends, area, due), pixels


def mixed_by_grains(bank: Bank, seed: int, index: int) -> tuple[Case, np.ndarray]:
    """Return grain-by-grain mixture `index` of a seed: coarse grains, some of which are full of fine ones."""
    rng = np.random.default_rng([seed, 6700, index])
    kind = GRAIN_KINDS[index % len(GRAIN_KINDS)]
    coarse, fine = bank.pair(rng, *APART, FINE)
    labels, ends = bank.labels(coarse), (float(bank.g[coarse]), float(bank.g[fine]))
    pixels, filling = bank.in_one_grey(coarse), bank.turned(rng, fine)
    order = rng.permutation(labels.max() + 1)
    reached = np.cumsum(np.bincount(labels.ravel())[order]) / labels.size  # of the area, by grains in that order
    if kind == "wide-range":
        steps = np.linspace(*ends, 4)
        level_of = np.empty(len(order), int)
        level_of[order] = np.minimum((reached * 4).astype(int), 3)
        for number in range(1, 4):
            there = (level_of == number)[labels]
            pixels = np.where(there, bank.turned(rng, bank.nearest(steps[number])), pixels)
        return Case(f"grains-{kind}-{index:04d}", f"grains-{kind}", *ends, 0.25, kind), pixels
    if kind == "necklace":
        diameter = np.sqrt(1e6 / 15.5 / 2.0 ** (ends[1] - 1.0))
        edge = ndimage.maximum_filter(labels, 3) != ndimage.minimum_filter(labels, 3)
        filled = ndimage.distance_transform_edt(~edge) < RING_DIAMETERS * diameter / 2.0
    else:
        share = rng.uniform(0.4, 0.65) if kind == "bimodal" else rng.uniform(0.84, 0.93)
        chosen = np.zeros(len(order), bool)
        chosen[order[reached <= share]] = True
        filled = chosen[labels]
    area = float(1.0 - filled.mean())
    return Case(f"grains-{kind}-{index:04d}", f"grains-{kind}", *ends, area, kind), np.where(filled, filling, pixels)


def _slope(rng: np.random.Generator, bank: Bank, ends: tuple[float, float], upright: bool) -> np.ndarray:
    grades = np.linspace(*ends, STRIPS)[:: rng.choice([-1, 1])]
    pixels = np.empty((ROWS, COLS), np.uint8)
    along = pixels.T if upright else pixels
    edges = np.linspace(0, len(along), STRIPS + 1).astype(int)
    for g, start, stop in zip(grades, edges[:-1], edges[1:], strict=True):
        picture = bank.turned(rng, bank.nearest(g))
        along[start:stop] = (picture.T if upright else picture)[start:stop]
    return pixels


def _blocks(rng: np.random.Generator, bank: Bank, ends: tuple[float, float]) -> np.ndarray:
    pixels = np.empty((ROWS, COLS), np.uint8)
    grades = rng.permutation(np.linspace(*ends, 12)).reshape(3, 4)
    for (row, col), g in np.ndenumerate(grades):
        area = np.s_[row * ROWS // 3 : (row + 1) * ROWS // 3, col * COLS // 4 : (col + 1) * COLS // 4]
        pixels[area] = bank.turned(rng, bank.nearest(g))[area]
    return pixels


def _part(rng: np.random.Generator, kind: str, upright: bool) -> np.ndarray:
    """Return which pixels belong to the smaller part, (rows, cols)."""
    part = np.zeros((ROWS, COLS), bool)
    along = part.T if upright else part
    length = along.shape[0]
    if kind == "halves":
        along[: round(rng.uniform(0.25, 0.5) * length)] = True
    elif kind == "bands":
        area = rng.uniform(0.25, 0.5)
        count = 1 if area < 0.4 else 2
        for start in (np.arange(count) + rng.uniform(0.1, 0.4)) / count * length:
            along[int(start) : int(start + area / count * length)] = True
    elif kind == "quadrants":
        part[: ROWS // 2, : COLS // 2] = True
        if rng.random() < 0.5:
            part[ROWS // 2 :, COLS // 2 :] = True
    else:
        side = np.sqrt(rng.uniform(0.1, 0.35) * ROWS * COLS)
        rows, cols = round(side * 0.9), round(side / 0.9)
        top, left = rng.integers(0, ROWS - rows), rng.integers(0, COLS - cols)
        part[top : top + rows, left : left + cols] = True
    return part[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
