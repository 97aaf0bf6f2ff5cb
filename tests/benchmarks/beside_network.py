"""Measure what a micrograph costs beside the network: python tests/benchmarks/beside_network.py [--count 6].

Draws `count` micrographs of 1280x960 and writes each as PNG, JPEG and TIFF, `ALIKE` times with a few pixels changed.
The network sees each tile once; from then on its answers are replayed, so that all the rest is the real thing. Prints
for each format the CPU time in ms of every step of a micrograph, each alone in this thread (the median of those that
were drawn, of each its fastest of `TURNS` turns, since the clock of a shared machine wanders). Then the CPU time per
micrograph of whole scans with all outputs, the fastest of `SCANS`, less that of the replay; how a scan is prepared and
its reports are left out. Lines that are indented are parts of what stands below or above them.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from scan_speed import COLS, ROWS

from gdest.core.calibration import CalibrationSettings
from gdest.core.fingerprints import fingerprint
from gdest.core.records import Graded, ImageFile, TileAnswers
from gdest.core.settings import GradeSettings
from gdest.core.tiles import Tiles, cut_parts
from gdest.grading import pipeline
from gdest.model.network import load_model
from gdest.model.predictor import NetworkPredictor
from gdest.model.weights_file import weights_path
from gdest.reading import micrograph as reading
from gdest.reading.drawn_lines import find_drawn_lines
from gdest.reading.grey import grey_8_bit
from gdest.reading.not_metal import CELL_PX, find_not_metal
from gdest.reading.scale_bar import find_scale_bars
from gdest.reading.surround import find_surround
from gdest.reports import heatmap, overlay, pictures
from gdest.reports.few_greys import shrunk
from gdest.reports.packing import save_pixels, save_png
from gdest.reports.scale import run_scale
from gdest.reports.table import ModelName, cells
from gdest.scan import graders, scan
from gdest.scan.job import prepare_scan
from gdest.scan.stopping import Stop
from gdest.synth.dataset import make_micrograph, write_tiff

KINDS, TURNS, SCANS, ALIKE = ("png", "jpg", "tif"), 5, 3, 5


class Replay:
    """Answer as the network did when it first saw a tile; `cut_s` and `known_s` hold the CPU time of each call."""

    def __init__(self, network: NetworkPredictor) -> None:
        self.card, self.name, self.sha256 = network.card, network.name, network.sha256
        self.batch, self.streams = network.batch, 2
        self.cut_s, self.known_s = list[float](), list[float]()
        self._network, self._known = network, dict[int, TileAnswers]()

    def predict(self, parts: Sequence[Tiles]) -> TileAnswers:
        """Return the answers of the tiles of all parts, which are cut as for a network."""
        began = time.thread_time()
        tiles = cut_parts(parts)
        cut = time.thread_time()
        answers = self._answers(parts, [hash(tile.tobytes()) for tile in tiles])
        self.cut_s.append(cut - began)
        self.known_s.append(time.thread_time() - cut)
        return answers

    def _answers(self, parts: Sequence[Tiles], keys: Sequence[int]) -> TileAnswers:
        if not all(key in self._known for key in keys):
            seen = self._network.predict(parts)
            columns = (seen.g_seen, seen.unfit, seen.novelty, seen.boundaries, seen.places)
            for number, key in enumerate(keys):
                self._known[key] = TileAnswers(*(one if one is None else one[number : number + 1] for one in columns))
        known = [self._known[key] for key in keys]
        names = ("g_seen", "unfit", "novelty", "boundaries", "places")
        told = ([getattr(one, name) for one in known] for name in names)
        return TileAnswers(*(None if one[0] is None else np.concatenate(one) for one in told))


def write_micrographs(root: Path, count: int) -> None:
    """Write the micrographs, those of each format into a folder of its own."""
    for kind in KINDS:
        (root / kind).mkdir(parents=True)
    for number in range(count):
        drawn = make_micrograph(np.random.default_rng([5, number]), 4.0 + 8.0 * number / count, ROWS, COLS, 1.0).pixels
        for other in range(ALIKE):
            pixels = drawn.copy()
            pixels[0, :8] = other  # a scan recalls the grade map of bytes that it has seen
            name = f"{number}{f'-{other}' if other else ''}"
            write_tiff(root / "tif" / f"{name}.tif", pixels, 1.0)
            for kind in ("png", "jpg"):
                Image.fromarray(pixels).save(root / kind / f"{name}.{kind}")


def steps_of(
    file: ImageFile, replay: Replay, settings: GradeSettings, out: Path
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the name of each step of a micrograph, and a call that takes it."""
    yield "hash of the file", lambda: hashlib.file_digest(file.path.open("rb"), "sha256")
    yield "open, decode", partial(_decoded, file)
    raw = _decoded(file)
    yield "grey", partial(grey_8_bit, raw)
    pixels = grey_8_bit(raw)
    yield "  surround", partial(find_surround, pixels, CELL_PX)
    yield "  scale bar", partial(find_scale_bars, pixels)
    yield "  drawn lines", partial(find_drawn_lines, pixels, find_surround(pixels, CELL_PX), CELL_PX)
    yield "what is no metal", partial(find_not_metal, pixels)
    yield "fingerprint", partial(fingerprint, pixels)
    yield "all of reading", lambda: list(reading.read_micrographs(file, settings))
    found = next(reading.read_micrographs(file, settings))
    assert not isinstance(found, pipeline.Failed)
    graded = pipeline._grade_one(found, replay, settings, pipeline.no_memory)
    assert isinstance(graded, Graded)
    yield "all of grading, the count", lambda: pipeline._grade_one(found, replay, settings, pipeline.no_memory)
    grade_map = graded.grade_map
    yield "  grade map, tiles cut", lambda: pipeline.grade_map_of(found, replay, settings.stride_px)
    yield "  row", partial(pipeline.graded_row, found, grade_map, replay.card)
    shown = shrunk(found.pixels, overlay.LONGEST_PX)
    mapped = shrunk(shown, heatmap.PANEL_PX)
    yield "  shrunk for maps", partial(shrunk, shown, heatmap.PANEL_PX)
    yield "  heatmap", partial(heatmap.draw_both_scales, graded, mapped)
    drawn = heatmap.draw_both_scales(graded, mapped)
    yield "  heatmap packed", partial(save_pixels, drawn, out / "heatmap.png")
    yield "  thumbnail", partial(heatmap.draw_map, graded, run_scale(), shrunk(mapped, pictures.THUMBNAIL_PX))
    yield "  preview", partial(pictures._save_jpeg, shown, out / "preview.jpg")
    yield "  overlay, layer", partial(overlay.draw_overlay_and_layer, graded, shown)
    both = overlay.draw_overlay_and_layer(graded, shown)
    yield "  overlay, layer packed", lambda: [save_png(one, out / f"{i}.png") for i, one in enumerate(both)]
    yield "pictures without a count", partial(pictures.write_pictures, replace(graded, count=None), out)
    yield "all pictures", partial(pictures.write_pictures, graded, out)
    yield "cells of the row", partial(cells, graded, ModelName(replay.name, replay.sha256))


def _decoded(file: ImageFile) -> reading.RawPixels:
    with reading.opened(file.path) as stream:
        return next(reading.pages_of_stream(stream, file.path, file.path.stat().st_size)).decode()


def cpu_ms(step: Callable[[], object], replay: Replay) -> float:
    """Return the CPU time of a step in its fastest turn, without that of the replay."""
    turns = []
    for _ in range(TURNS):
        replay.known_s.clear()
        began = time.thread_time()
        step()
        turns.append(time.thread_time() - began - sum(replay.known_s))
    return 1e3 * min(turns)


def print_steps(root: Path, replay: Replay, settings: GradeSettings, out: Path) -> None:
    """Print the CPU time of each step in each format."""
    found = dict[str, dict[str, list[float]]]()
    for kind in KINDS:
        for path in sorted(path for path in (root / kind).iterdir() if "-" not in path.name):
            for name, step in steps_of(ImageFile(path, path.name), replay, settings, out):
                found.setdefault(name, {}).setdefault(kind, []).append(cpu_ms(step, replay))
    print(f"| step, ms of CPU | {' | '.join(KINDS)} |\n|---|---|---|---|")
    for name, by_kind in found.items():
        print(f"| {name} | {' | '.join(f'{statistics.median(by_kind[kind]):.1f}' for kind in KINDS)} |")


def print_scans(root: Path, replay: Replay, settings: GradeSettings, out: Path) -> None:
    """Print the CPU time of a micrograph in a scan of each format, without the replay and the reports."""
    for kind in KINDS:
        spent = []
        for turn in range(SCANS):
            began, reports, scan_out = time.process_time(), list[float](), out / f"{kind}{turn}{settings.count}"
            replay.known_s.clear()
            scan_archive(root / kind, scan_out, settings, reports)
            count = len(list((root / kind).iterdir()))
            spent.append((time.process_time() - began - sum(replay.known_s) - sum(reports)) / count)
        print(f"scan of {kind}{', counted' if settings.count else ''}: {1e3 * min(spent):.1f} ms of CPU a micrograph")


def scan_archive(root: Path, out: Path, settings: GradeSettings, reports: list[float]) -> None:
    """Scan with all outputs; add the CPU time before and after the grading, and of the reports, to `reports`."""
    export = scan.export

    def timed_export(*told: object) -> object:
        began = time.process_time()
        done = export(*told)
        reports.append(time.process_time() - began)
        return done

    scan.export = timed_export
    try:
        began = time.process_time()
        job = prepare_scan([root], out, settings)
        reports.append(time.process_time() - began)
        scan.scan_archive(job, Stop())
    finally:
        scan.export = export


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--archive", type=Path, help="an archive that this script wrote, to be used or made")
    options = parser.parse_args()
    settings = GradeSettings(CalibrationSettings(um_per_px=1.0), device="cpu", precision=options.precision, count=True)
    with tempfile.TemporaryDirectory() as temporary:
        root, out = options.archive or Path(temporary, "archive"), Path(temporary, "out")
        if not root.exists():
            write_micrographs(root, options.count)
        replay = Replay(NetworkPredictor(load_model(weights_path(None)), settings))
        print_steps(root, replay, settings, out)
        graders.load_predictor = lambda *_: replay
        for count in (False, True):
            print_scans(root, replay, replace(settings, count=count), out)


if __name__ == "__main__":
    main()
