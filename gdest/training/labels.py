"""Read which micrographs are labelled with which G, and split them by specimen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gdest.core import (
    DataError,
    ImageFile,
    image_files,
    in_other_forms,
    in_plain_words,
    named,
    number,
    read_lines,
    say,
    say_always,
    say_each,
)
from gdest.training.settings import TrainSettings

G_OF_LABELS = (-4.0, 20.0)
"""Steel lies between about G -1 and 14; what is far outside is a slip, such as a grain size in um."""

NO_PIXEL_SIZE = "has no pixel size: add a column um_per_px or give --um-per-px."

UM_PER_PX = (1e-4, 1e3)
"""From an electron microscope's pixel to a macrograph's."""


@dataclass(frozen=True)
class Labelled:
    """Name one labelled micrograph, its specimen and its material: steels of one kind, etched one way.

    A synthetic one's material is the family of its etch. `label_map` is the file that numbers its grains, if any.
    """

    file: ImageFile
    g: float
    um_per_px: float | None
    specimen: str
    label_map: Path | None
    material: str = ""


@dataclass(frozen=True)
class Split:
    """Hold the labelled micrographs of the three sides; each specimen is on one side only."""

    training: list[Labelled]
    validation: list[Labelled]
    test: list[Labelled]


def read_labels(data: Path, um_per_px: float | None) -> list[Labelled]:
    """Return the labelled micrographs of a CSV or workbook, of a folder with such labels, or of grade folders.

    `um_per_px` is the pixel size of those that name none. Raises `DataError` with one sentence.
    """
    tables = [data / name for name in ("labels.csv", "labels.xlsx")] if data.is_dir() else [data]
    table = next((one for one in tables if one.is_file()), tables[0])
    if table.is_file():
        found = _from_table(table, um_per_px)
    elif data.is_dir():
        found = _from_grade_folders(data, um_per_px)
    else:
        raise DataError(f"{data} is neither a folder nor a table (CSV or .xlsx).")
    if not found:
        raise DataError(f"{data} holds no labelled micrograph: give a CSV with file,g or folders named 4.0, 4.5, ...")
    return found


def _from_table(table: Path, um_per_px: float | None) -> list[Labelled]:
    lines = read_lines(table)
    if lines and not {"file", "g"} <= set(lines[0][1]):
        names = ", ".join(lines[0][1])
        raise DataError(f"{table} needs the columns file,g[,um_per_px,specimen,material]; it has {names}.")
    if unlabelled := [row["file"] for _, row in lines if not row["g"]]:
        say(f"{table}: left out {len(unlabelled)} of {len(lines)} rows, which have no g: {named(unlabelled)}.")
    found, slips = [], []
    for line, row in lines:
        try:
            if row["g"]:
                found.append(_from_row(table, line, row, um_per_px))
        except DataError as error:
            slips.append(error)
    if len(slips) == 1:
        raise slips[0]
    if slips:
        say_each([str(slip) for slip in slips], tell=say_always)
        raise DataError(f"{table} has {len(slips)} lines that cannot be meant; correct them and begin again.")
    return found


def require_there(labelled: Sequence[Labelled]) -> None:
    """Raise `DataError` with the names of the labelled files that are not there, before hours are spent on others."""
    if lost := [item.file.name for item in labelled if not item.file.path.is_file()]:
        raise DataError(f"{len(lost)} of {len(labelled)} labelled files are not there: {named(lost)}.")


def _from_row(table: Path, line: int, row: dict[str, str], um_per_px: float | None) -> Labelled:
    g = _number(table, line, row, "g", G_OF_LABELS)
    pixel_size = _number(table, line, row, "um_per_px", UM_PER_PX) if row.get("um_per_px") else um_per_px
    label_map = table.parent / row["label_map"].replace("\\", "/") if row.get("label_map") else None
    name = row["file"].replace("\\", "/")
    if not name:
        raise DataError(f"{table}, line {line}: it has a g but no file.")
    places = [table.parent / form for form in in_other_forms(name)]
    file = ImageFile(next((place for place in places if place.exists()), places[0]), name)
    material = row.get("material") or row.get("family") or ""
    return Labelled(file, g, pixel_size, row.get("specimen") or name, label_map, material)


def _number(table: Path, line: int, row: dict[str, str], column: str, ends: tuple[float, float]) -> float:
    """Return a cell that holds a number in a range; raise `DataError` that says where it stands and what to do."""
    where = f"{table}, line {line} ({row['file']}): {column}"
    try:
        found = number(row[column])
    except ValueError as error:
        raise DataError(f"{where}: {error}; write it as 6.24.") from error
    if not ends[0] <= found <= ends[1]:
        raise DataError(f"{where} is {row[column]}; it must be in {ends[0]:g}..{ends[1]:g}.")
    return found


def sub_folders(data: Path) -> list[Path]:
    """Return the folders in a folder, by name; raise `DataError` where it cannot be read."""
    try:
        return sorted(path for path in data.iterdir() if path.is_dir())
    except OSError as error:
        raise DataError(f"{data} cannot be read: {in_plain_words(error)}.") from error


def _from_grade_folders(data: Path, um_per_px: float | None) -> list[Labelled]:
    found = []
    for folder in sub_folders(data):
        try:
            g = number(folder.name)
        except ValueError:
            g = math.nan
        if not G_OF_LABELS[0] <= g <= G_OF_LABELS[1]:
            raise DataError(f"{folder} is not named after a grade such as 4.0 or 4.5.")
        for file in image_files([folder]):
            name = f"{folder.name}/{file.name}"
            found.append(Labelled(ImageFile(file.path, name), g, um_per_px, name, None))
    return found


def split_by_specimen(labelled: Sequence[Labelled], share: float, seed: int) -> tuple[list[Labelled], list[Labelled]]:
    """Return (rest, held out): about `share` of the specimens are held out whole, spread over G."""
    specimens: dict[str, list[Labelled]] = {}
    for item in labelled:
        specimens.setdefault(item.specimen, []).append(item)
    by_grade = sorted(specimens, key=lambda name: (np.mean([item.g for item in specimens[name]]), name))
    wanted = min(max(1, round(share * len(by_grade))), len(by_grade) - 1)
    if wanted < 1:
        raise DataError("Training needs micrographs of at least two specimens, one of them for validation.")
    rng = np.random.default_rng(seed)
    held = {str(rng.choice(stratum)) for stratum in np.array_split(np.array(by_grade), wanted)}
    return (
        [item for item in labelled if item.specimen not in held],
        [item for item in labelled if item.specimen in held],
    )


def split_in_three(labelled: Sequence[Labelled], settings: TrainSettings) -> Split:
    """Split by specimen, each side spread over G; both shares are shares of all specimens.

    The paper's 125 / 53 / 64 of 242 are a validation share of 0.219 and a test share of 0.2645.
    """
    if not settings.test_share:
        return Split(*split_by_specimen(labelled, settings.validation_share, settings.seed), [])
    rest, test = split_by_specimen(labelled, settings.test_share, settings.seed)
    share = settings.validation_share / (1.0 - settings.test_share)
    return Split(*split_by_specimen(rest, share, settings.seed), test)
