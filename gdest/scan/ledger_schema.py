"""What the rows of the ledger mean, and how a grade map is packed into a cell."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from gdest.core import FileState, GradeMap, ModelCard, TileGrid
from gdest.reports import COLUMNS, Cell

Pictures = Mapping[str, tuple[str, int]]
"""SHA-256 and size in bytes of each picture of a micrograph, by its name in the output folder."""

UNDRAWABLE = '"undrawable"'
"""Stands in the ledger where a row would have its pictures, of which the disk can hold none."""


@dataclass(frozen=True)
class Recipe:
    """Hold a model and the settings that change its answers; `settings` as plain values by name."""

    id: int
    model: str
    model_sha256: str
    card: ModelCard
    settings: dict[str, object]

    def is_of(self, model_sha256: str, settings: dict[str, object]) -> bool:
        """Return whether this is the recipe of a model and settings."""
        return (self.model_sha256, self.settings) == (model_sha256, json.loads(settings_text(settings)))


@dataclass(frozen=True)
class Finding:
    """Hold what is recorded of one micrograph: the cells of its row, its grade map, its pictures.

    One that is `undrawable` has none since the disk can hold no picture of its name, and none is missing.
    """

    cells: Mapping[str, Cell]
    grade_map: GradeMap | None = None
    pictures: Pictures = field(default_factory=dict)
    undrawable: bool = False


@dataclass(frozen=True)
class Run:
    """Hold one scan: its recipe, folders and times (UTC, ISO 8601); `finished` is None when it was cut short."""

    recipe: Recipe
    roots: tuple[str, ...]
    host: str
    started: str
    finished: str | None
    gdest_version: str


@dataclass(frozen=True)
class LedgerRow:
    """Hold one micrograph's result: the cells of its row, its grade map, its pictures, its file.

    `undrawable` is that of its `Finding`.
    """

    cells: dict[str, Cell]
    grade_map: GradeMap | None
    pictures: Pictures
    file: FileState
    undrawable: bool = False


def pack_grade_map(grade_map: GradeMap) -> bytes:
    """Return a grade map as the bytes of an .npz archive: its arrays, and one JSON text for the rest."""
    arrays: dict[str, Any] = {}
    rest: dict[str, object] = {}
    for one in fields(grade_map):
        if one.name in ("boundaries", "boundaries_at_half"):  # large, and drawn again when they are needed
            continue
        value = getattr(grade_map, one.name)
        if isinstance(value, np.ndarray):
            arrays[one.name] = value
        elif isinstance(value, GradeMap):
            arrays[one.name] = np.frombuffer(pack_grade_map(value), np.uint8)
        elif one.name == "grid":
            rest[one.name] = asdict(value)
        else:
            rest[one.name] = value
    arrays["rest"] = np.frombuffer(json.dumps(rest).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def unpack_grade_map(packed: bytes) -> GradeMap:
    """Return the grade map that `pack_grade_map` packed; fields that a later gdest added are left out."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
        found = {name: archive[name] for name in archive.files if name != "rest"}
        found |= json.loads(archive["rest"].tobytes())
    grid = found["grid"]
    found["grid"] = TileGrid(tuple(grid["tops"]), tuple(grid["lefts"]), grid["tile_px"])
    if found.get("closer") is not None:
        found["closer"] = unpack_grade_map(found["closer"].tobytes())
    return GradeMap(**{one.name: found[one.name] for one in fields(GradeMap) if one.name in found})


def state_of(row: Sequence[Any]) -> FileState:
    """Return a file's state from its columns in the order of the fields."""
    return FileState(row[0], row[1], row[2], row[3], row[4], bool(row[5]))


def all_columns(cells: dict[str, Cell]) -> dict[str, Cell]:
    """Return cells with every column of today, None where an older gdest did not know one."""
    return {**dict.fromkeys(COLUMNS), **cells}


def settings_text(settings: dict[str, object]) -> str:
    """Return settings as the text that identifies a recipe."""
    return json.dumps(settings, sort_keys=True, default=str)
