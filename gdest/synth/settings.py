"""Say which synthetic micrographs to make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gdest.core import POSITIVE, Option, at_least, check_fields, require

G_MIN, G_MAX = 0.0, 16.0
"""The range of G in which micrographs are drawn."""


@dataclass(frozen=True)
class SynthSettings:
    """Say which synthetic micrographs to make: G evenly between two ends, or folders of single `grades`."""

    count: int = 10
    g_min: Annotated[float, Option("Coarsest G.")] = 3.0
    g_max: Annotated[float, Option("Finest G.")] = 12.0
    seed: Annotated[int, Option("The same seed makes the same micrographs.")] = 0
    rows: int = 960
    cols: int = 1280
    um_per_px: Annotated[float, Option("Pixel size in um.", POSITIVE)] = 1.0
    label_maps: Annotated[bool, Option("Write the label maps too.")] = False
    workers: Annotated[int, Option("Processes.", at_least(1))] = 1
    grades: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values no micrograph can have."""
        check_fields(self)
        require(all(G_MIN <= g <= G_MAX for g in self.grades), "--grades must lie in 0..16.")
        require(self.count >= 1, "--count must be at least 1.")
        require(G_MIN <= self.g_min <= self.g_max <= G_MAX, "--g-min and --g-max must satisfy 0 <= min <= max <= 16.")
        require(self.rows >= 224 and self.cols >= 224, "--size must be at least 224x224 px.")
