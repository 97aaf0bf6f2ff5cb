"""Print how G moves when a picture is treated and its metal left alone: tones, noise, frames, lines drawn over it.

    python tests/benchmarks/treatments.py MICROGRAPHS [--drawn 3] [--only NAME]... [--weights FILE]

MICROGRAPHS is a folder of real fields with a `truth.csv`; it is not part of this repository. Each field, cut to at most
1280x960 px, and some drawn ones are graded as they are and after each treatment. Printed are the shift of `g` and of
`g_counted` against the same field untreated, of the fields that are graded both times, and how many are in review, have
no G, or are graded although G moved by more than 0.15, which must not be. Takes half an hour on two CPU cores.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from materials import predictor_of, rows_of_truth
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from gdest.core import CalibrationSettings, Graded, GradeSettings, ImageFile, Status
from gdest.grading import Predictor, grade_micrographs
from gdest.model import weights_path
from gdest.synth import make_micrograph

Picture = NDArray[np.uint8]

FIELDS = (
    "316L/RG11.jpg", "316L/RG31.jpg", "pure-iron/001.tif", "304-200/SUS304_200_1.jpg", "1-200/1-200_(1).jpg",
    "austenite-ilic/6.png", "bnsreenu-grains/grains.jpg", "rogsoares-mixed/ferrita-400X-25um.jpg",
    "liyangxu-set4/set4_013.tiff", "nist-steel/grain_structures_steel_highlighted.tif",
)  # fmt: skip
MOST_SHIFT = 0.15


def framed(
    colour: object, margin: int = 90, noise: float = 0.0, lower: int | None = None
) -> Callable[[Picture], Picture]:
    """Return a treatment that puts a frame of one colour round a picture, thicker below for a caption."""

    def treat(picture: Picture) -> Picture:
        rows, cols = picture.shape[:2]
        below = margin if lower is None else lower
        whole = np.empty((rows + margin + below, cols + 2 * margin, 3), np.float64)
        whole[...] = colour
        whole += np.random.default_rng(0).normal(0, noise, whole.shape[:2])[:, :, None] if noise else 0.0
        found = np.clip(np.round(whole), 0, 255).astype(np.uint8)
        found[margin : margin + rows, margin : margin + cols] = picture
        if lower is not None:
            image = Image.fromarray(found)
            draw = ImageDraw.Draw(image)
            draw.text(
                (margin, rows + margin + below // 3), "Probe 12  200x  Nital 3 %", "black", ImageFont.load_default(48)
            )
            found = np.asarray(image)
        return found

    return treat


def half_page(picture: Picture) -> Picture:
    """Return the picture on the upper half of a white page."""
    return np.concatenate([picture, np.full_like(picture, 255)])


def round_field(colour: int) -> Callable[[Picture], Picture]:
    """Return a treatment that shows a picture through an eyepiece."""

    def treat(picture: Picture) -> Picture:
        rows, cols = picture.shape[:2]
        row, col = np.indices((rows, cols))
        outside = np.hypot(row - rows / 2, col - cols / 2) > 0.52 * min(rows, cols) * 1.1
        return np.where(outside[:, :, None], np.uint8(colour), picture)

    return treat


def rotated(colour: int) -> Callable[[Picture], Picture]:
    """Return a treatment that turns a picture by a few degrees, as a stitched scan lies."""

    def treat(picture: Picture) -> Picture:
        turned = Image.fromarray(picture).rotate(7, Image.Resampling.BICUBIC, expand=True, fillcolor=(colour,) * 3)
        return np.asarray(turned)

    return treat


def in_a_program(picture: Picture) -> Picture:
    """Return a screenshot of a viewer: a title, a tool bar with buttons, a list at the side, a status line."""
    rows, cols = picture.shape[:2]
    image = Image.new("RGB", (cols + 300, rows + 150), (240, 240, 240))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    draw.rectangle((0, 0, cols + 300, 32), (31, 78, 121))
    draw.text((8, 6), "Viewer - specimen 12.tif", "white", font)
    for at in range(8, cols, 42):
        draw.rectangle((at, 42, at + 30, 72), (225, 225, 225), (150, 150, 150))
        draw.line((at + 6, 66, at + 24, 48), (at % 200, 90, 160), 3)
    for at in range(100, rows + 80, 26):
        draw.text((cols + 30, at), f"field {at}: {at * 0.37:.2f} um", "black", font)
    draw.text((8, rows + 122), "100 %   8 bit   x 512  y 384", "black", font)
    image.paste(Image.fromarray(picture), (12, 86))
    return np.asarray(image)


def lines(step: int, colour: object, width: int = 2, upright: bool = True) -> Callable[[Picture], Picture]:
    """Return a treatment that draws lines every `step` px: a grid, or without upright ones the lines of Heyn."""

    def treat(picture: Picture) -> Picture:
        image = Image.fromarray(picture)
        draw = ImageDraw.Draw(image)
        for at in range(step // 2, image.height, step):
            draw.line((0, at, image.width, at), colour, width)
        for at in range(step // 2, image.width if upright else 0, step):
            draw.line((at, 0, at, image.height), colour, width)
        return np.asarray(image)

    return treat


def reticle(colour: object) -> Callable[[Picture], Picture]:
    """Return a treatment that draws a cross with ticks and three rings."""

    def treat(picture: Picture) -> Picture:
        image = Image.fromarray(picture)
        draw = ImageDraw.Draw(image)
        down, across = image.height // 2, image.width // 2
        draw.line((0, down, image.width, down), colour, 2)
        draw.line((across, 0, across, image.height), colour, 2)
        for at in range(0, image.width, 40):
            draw.line((at, down - 8, at, down + 8), colour, 2)
        for radius in (0.15, 0.3, 0.45):
            reach = radius * min(image.size)
            draw.ellipse((across - reach, down - reach, across + reach, down + reach), outline=colour, width=2)
        return np.asarray(image)

    return treat


def equalised(picture: Picture) -> Picture:
    """Return a picture of grey levels that are all as frequent."""
    grey = picture[:, :, 1]
    share = np.cumsum(np.bincount(grey.ravel(), minlength=256)) / grey.size
    return np.repeat((share[grey] * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def vignetted(picture: Picture) -> Picture:
    """Return a picture that is half as bright in its corners."""
    row, col = (np.linspace(-1, 1, side) for side in picture.shape[:2])
    light = 1 - 0.25 * (row[:, None] ** 2 + col[None, :] ** 2)
    return np.asarray(picture * light[:, :, None], np.uint8)


def halftone(picture: Picture) -> Picture:
    """Return a picture as it is printed: a wave of dots over it."""
    row, col = np.indices(picture.shape[:2])
    dots = 30 * np.sin(row * 1.3) * np.sin(col * 1.3)
    return np.clip(picture + dots[:, :, None], 0, 255).astype(np.uint8)


def filtered(kind: object) -> Callable[[Picture], Picture]:
    """Return a treatment by one of Pillow's filters."""
    return lambda picture: np.asarray(Image.fromarray(picture).filter(kind))  # type: ignore[arg-type]


TREATMENTS: dict[str, Callable[[Picture], Picture]] = {
    "inverted": lambda picture: 255 - picture,
    "equalised": equalised,
    "sharpened": filtered(ImageFilter.UnsharpMask(2, 150, 0)),
    "denoised (median of 5 px)": filtered(ImageFilter.MedianFilter(5)),
    "enlarged twice by nearest pixels": lambda picture: picture.repeat(2, axis=0).repeat(2, axis=1),
    "noise of 10": lambda picture: np.clip(
        picture + np.random.default_rng(0).normal(0, 10, picture.shape[:2])[:, :, None], 0, 255
    ).astype(np.uint8),
    "vignetted": vignetted,
    "halftone": halftone,
    "frame, paper 245": framed(245, noise=3.0),
    "frame, grey 190": framed(190),
    "frame, grey 128": framed(128),
    "frame, grey 60": framed(60),
    "frame, slide blue": framed((40, 70, 150), noise=2.0),
    "frame, white": framed(255),
    "frame, black": framed(0),
    "polaroid": framed(250, 40, 1.5, lower=220),
    "half a page": half_page,
    "in a program": in_a_program,
    "round field, black": round_field(0),
    "round field, white": round_field(255),
    "rotated, black corners": rotated(0),
    "rotated, grey corners": rotated(200),
    "grid, black, every 80 px": lines(80, "black"),
    "grid, white, every 200 px": lines(200, "white"),
    "grid, red, every 120 px": lines(120, "red", 1),
    "Heyn lines, black": lines(150, "black", upright=False),
    "Heyn lines, red": lines(150, "red", upright=False),
    "reticle, black": reticle("black"),
    "reticle, green": reticle((0, 230, 0)),
}  # fmt: skip
UM_FACTOR = {"enlarged twice by nearest pixels": 0.5}


@dataclass
class Shifts:
    """Hold what a treatment did to the fields."""

    g: list[float] = field(default_factory=list)
    counted: list[float] = field(default_factory=list)
    review: int = 0
    without: int = 0
    wrong: list[str] = field(default_factory=list)

    def cells(self) -> str:
        """Return the shifts as cells of a Markdown table."""
        return f"{_spread(self.g)} | {_spread(self.counted)} | {self.review} | {self.without} | {', '.join(self.wrong)}"


def _spread(shifts: list[float]) -> str:
    return f"{np.median(np.abs(shifts)):.2f} | {max(shifts, key=abs):+.2f}" if shifts else "| "


def drawn_fields(count: int) -> dict[str, tuple[Picture, float]]:
    """Return drawn fields by name, each (rows, cols, 3), with their pixel size."""
    found = {}
    for seed, g in enumerate(np.linspace(5.0, 8.0, count)):
        drawn = make_micrograph(np.random.default_rng(seed), float(g), 960, 1280, 1.0, family="boundary")
        found[f"drawn {g:.1f}"] = (np.repeat(np.asarray(drawn.pixels)[:, :, None], 3, axis=2), 1.0)
    return found


def real_fields(folder: Path) -> dict[str, tuple[Picture, float]]:
    """Return the middles of real fields by name, each (rows, cols, 3), with their pixel size."""
    um_per_px = {row["file"]: row["um_per_px"] for row in rows_of_truth(folder)}
    found = {}
    for name in FIELDS:
        with Image.open(folder / name) as image:
            pixels = np.asarray(image.convert("RGB"))
        top, left = (max(0, side - most) // 2 for side, most in zip(pixels.shape, (960, 1280), strict=False))
        found[name] = (pixels[top : top + 960, left : left + 1280], float(um_per_px[name]))
    return found


def grade(picture: Picture, um_per_px: float, predictor: Predictor) -> object:
    """Return the row of a picture."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.png")
        Image.fromarray(picture).save(path, compress_level=1)
        settings = GradeSettings(CalibrationSettings(um_per_px=um_per_px), count=True)
        return next(iter(grade_micrographs([ImageFile(path, path.name)], predictor, settings)))


def note(shifts: Shifts, name: str, before: Graded, after: object) -> None:
    """Add what a treatment did to one field."""
    if not isinstance(after, Graded) or after.statistics is None or before.statistics is None:
        shifts.without += 1
        return
    shift = after.statistics.g - before.statistics.g
    if after.status != Status.GRADED:
        shifts.review += 1
        return
    shifts.g.append(shift)
    if after.count and before.count and np.isfinite(after.count.g) and np.isfinite(before.count.g):
        shifts.counted.append(after.count.g - before.count.g)
    if abs(shift) > MOST_SHIFT:
        shifts.wrong.append(f"{name.rpartition('/')[2][:12]} {shift:+.2f}")


def main() -> None:
    """Print a line per treatment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("--drawn", type=int, default=3)
    parser.add_argument("--only", action="append")
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    predictor = predictor_of(weights_path(options.weights), GradeSettings(count=True))
    fields = {**real_fields(options.micrographs), **drawn_fields(options.drawn)}
    rows = {name: grade(picture, um, predictor) for name, (picture, um) in fields.items()}
    graded = {name: row for name, row in rows.items() if isinstance(row, Graded) and row.status == Status.GRADED}
    print(f"{len(graded)} of {len(fields)} fields are graded untreated: {', '.join(graded)}\n")
    print("| treatment | median of g | most | median of g_counted | most | review | no G | graded beyond 0.15 |")
    print(f"|{'---|' * 8}", flush=True)
    for treatment, treat in TREATMENTS.items():
        if options.only and treatment not in options.only:
            continue
        shifts = Shifts()
        for name, before in graded.items():
            picture, um_per_px = fields[name]
            um_per_px *= UM_FACTOR.get(treatment, 1.0)
            note(shifts, name, before, grade(np.ascontiguousarray(treat(picture)), um_per_px, predictor))
        print(f"| {treatment} | {shifts.cells()} |", flush=True)


if __name__ == "__main__":
    main()
