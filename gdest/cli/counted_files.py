"""Write what was counted on one micrograph for people and other programs, and keep what a person drew in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gdest.cli.console import say_written
from gdest.core import DataError, GrainCount, Micrograph, fitting_name, in_plain_words, write_atomically
from gdest.reports import (
    Cell,
    CountedField,
    draw_counted,
    file_sha256,
    save_png,
    write_boundaries,
    write_geojson,
    write_labels,
    write_rois,
)

WRITTEN: Mapping[str, str] = {
    "written_boundaries_sha256": "boundaries.png",
    "written_grains_sha256": "grains.tif",
}
"""Cells of a count with the SHA-256 of the files that a person may correct, as they were written."""

COUNT = "count.json"


@dataclass(frozen=True)
class Correction:
    """Name a boundary map that a person corrected by hand: its file, who did it, when it was counted (UTC)."""

    path: Path
    by: str
    at: str


@dataclass(frozen=True)
class Counted:
    """Hold what was counted on one micrograph, and the parts that it was counted on."""

    micrograph: Micrograph
    count: GrainCount
    parts: tuple[CountedField, ...]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file that the user names; raise `DataError`."""
    try:
        return file_sha256(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {in_plain_words(error)}.") from error


def require_correction(path: Path, name: str, out: Path) -> None:
    """Raise `DataError` for a file that is as a count of the micrograph of this name, or path, wrote it."""
    now = sha256_of(path)
    for folder in dict.fromkeys((path.parent, out)):
        if now in _hashes_written(folder / fitting_name(Path(name).name, f".{COUNT}")).values():
            raise DataError(f"{path} is as gdest count wrote it, nobody corrected it; draw in it and save it first.")


def write_counted(
    found: Counted, row: dict[str, Cell], out: Path, correction: Correction | None, *, rois: bool
) -> None:
    """Write what was counted beside each other, and into `row` the hashes of what a person may correct.

    What is counted on a corrected map stands beside the first count. Raises `DataError` before a file that a person
    corrected would be written over.
    """
    micrograph, parts = found.micrograph, found.parts
    shape, um_per_px = (micrograph.rows, micrograph.cols), micrograph.um_per_px
    start = out / Path(micrograph.file.name).name

    def path(ending: str) -> Path:
        return start.with_name(fitting_name(start.name, f".corrected.{ending}" if correction else f".{ending}"))

    mine = correction.path.resolve() if correction else None
    written = {name: path(ending) for name, ending in WRITTEN.items() if path(ending).resolve() != mine}
    _require_unchanged(written, path(COUNT))
    if "written_boundaries_sha256" in written:
        write_boundaries(parts, shape, path("boundaries.png"))
    if "written_grains_sha256" in written:
        write_labels(parts, shape, um_per_px, path("grains.tif"))
    write_geojson(parts, um_per_px, path("geojson"))
    if rois:
        write_rois(parts, path("rois.zip"))
    save_png(draw_counted(micrograph, found.count, correction.by if correction else ""), path("overlay.png"))
    row.update({name: sha256_of(one) for name, one in written.items()})
    text = json.dumps(row, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path(COUNT), lambda temporary: temporary.write_text(text, encoding="utf-8"))
    endings = ("boundaries.png", "grains.tif", "geojson", *(("rois.zip",) if rois else ()), "overlay.png", COUNT)
    say_written(*(path(ending) for ending in endings if path(ending).resolve() != mine))


def _require_unchanged(written: Mapping[str, Path], count: Path) -> None:
    """Raise `DataError` where a file that would be written is no longer as the count beside it wrote it."""
    before = _hashes_written(count)
    for name, path in written.items():
        if name in before and path.exists():
            changed = f"{path} was changed since gdest count wrote it"
            if sha256_of(path) != before[name]:
                raise DataError(f"{changed}; count it with --boundaries, or give another --out folder.")


def _hashes_written(count: Path) -> dict[str, str]:
    """Return the hashes that the file of a count holds; none where there is no such file, or an older one."""
    try:
        row = json.loads(count.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = row if isinstance(row, dict) else {}
    return {name: known[name] for name in WRITTEN if isinstance(known.get(name), str)}
