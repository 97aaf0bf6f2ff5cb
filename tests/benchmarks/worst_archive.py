"""Measure what small files that unpack to much cost a scan: python tests/benchmarks/worst_archive.py [NAME...].

Each case is an archive of its own, the last one all of them together. A fake replaces the network: what is measured is
the memory and time beside it. Prints the most memory that the process had resident, seconds, and the rows by reason.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from kill_scan import FAKE_SCAN
from PIL import Image

FAKE = (
    "import runpy, sys; from gdest.reading import prepare_decoders; prepare_decoders(); "
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


def pages(folder: Path) -> None:
    """Write 40 pages of 20 megapixels in 1 MB."""
    page = np.zeros((4472, 4472), np.uint8)
    page[::7] = 9
    with tifffile.TiffWriter(folder / "pages.tif") as tiff:
        for _ in range(40):
            tiff.write(page, compression="zlib", rowsperstrip=4472, contiguous=False)


def promises(folder: Path) -> None:
    """Write OME-XML of 700 images of a million planes each, of which one is there."""
    image = (
        '<Image ID="Image:{0}"><Pixels ID="Pixels:{0}" DimensionOrder="XYZCT" Type="uint8" SizeX="256" SizeY="256"'
        ' SizeZ="1000000" SizeC="1" SizeT="1"><TiffData/></Pixels></Image>'
    )
    images = "".join(map(image.format, range(700)))
    xml = f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{images}</OME>'
    tifffile.imwrite(folder / "promises.ome.tif", np.zeros((256, 256), np.uint8), description=xml, metadata=None)


def large(folder: Path, side: int, count: int, kind: str) -> None:
    """Write colour pictures of so many pixels a side, nearly all of one colour."""
    pixels = np.full((side, side, 3), 128, np.uint8)
    pixels[::500] = 30
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, quality=30, compress_level=1)
    for number in range(count):
        (folder / f"{kind}-{side}-{number}.{kind.lower()}").write_bytes(stream.getvalue())


def frames(folder: Path) -> None:
    """Write 40 frames of 19 megapixels in 0.6 MB."""
    first, *others = (Image.fromarray(np.full((4400, 4400), level, np.uint8)) for level in range(40))
    first.save(folder / "frames.gif", save_all=True, append_images=others)


def one_strip(folder: Path) -> None:
    """Write 144 megapixels of 64 bits in one packed strip."""
    pixels = np.zeros((12_000, 12_000)) + np.arange(12_000)
    tifffile.imwrite(folder / "strip.tif", pixels, compression="zlib", rowsperstrip=12_000)


CASES: dict[str, Callable[[Path], None]] = {
    "pages": pages,
    "promises": promises,
    "jpeg-81": lambda folder: large(folder, 9000, 8, "JPEG"),
    "png-81": lambda folder: large(folder, 9000, 4, "PNG"),
    "jpeg-361": lambda folder: large(folder, 19_000, 1, "JPEG"),
    "frames": frames,
    "one-strip": one_strip,
}


def measure(name: str, root: Path) -> None:
    """Scan an archive in a process of its own, and print what that took."""
    with tempfile.TemporaryDirectory() as out:
        began = time.monotonic()
        command = [sys.executable, "-c", FAKE, str(FAKE_SCAN), str(root), out, "0"]
        scan = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, spent = os.wait4(scan.pid, 0)
        with open(Path(out, "results.csv"), encoding="utf-8", newline="") as file:
            rows = Counter(row["reason"][:50] or row["status"] for row in csv.DictReader(file))
        print(f"{name}: {spent.ru_maxrss / 1024:.0f} MB, {time.monotonic() - began:.0f} s, {dict(rows)}", flush=True)


def main() -> None:
    """Print the figures; with --make NAME FOLDER only make a case, whose memory else counted as that of the scan."""
    if sys.argv[1:2] == ["--make"]:
        CASES[sys.argv[2]](Path(sys.argv[3]))
        return
    names = sys.argv[1:] or list(CASES)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            root = Path(folder, name)
            root.mkdir()
            subprocess.run([sys.executable, __file__, "--make", name, str(root)], check=True)
            measure(name, root)
        measure("together", Path(folder))


if __name__ == "__main__":
    Image.MAX_IMAGE_PIXELS = None
    main()
