"""Say which synthetic micrographs to make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gdest.core import POSITIVE, Option, SettingsError, at_least, check_fields, require

G_MIN, G_MAX = 0.0, 16.0
"""The range of G in which micrographs are drawn."""


@dataclass(frozen=True)
class SynthSettings:
    """Say which synthetic micrographs to make: G evenly between two ends, or folders of single `grades`.

    `first` is the number of the first: those of one seed that are made elsewhere are left to there.
    """

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
    first: int = 0

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values no micrograph can have."""
        check_fields(self)
        require(all(G_MIN <= g <= G_MAX for g in self.grades), "--grades must lie in 0..16.")
        require(self.count >= 1, "--count must be at least 1.")
        require(G_MIN <= self.g_min <= self.g_max <= G_MAX, "--g-min and --g-max must satisfy 0 <= min <= max <= 16.")
        require(self.rows >= 224 and self.cols >= 224, "--size must be at least 224x224 px.")


def read_size(words: str) -> tuple[int, int]:
    """Return the rows and columns of a size such as 1280x960, width first; raise `SettingsError` for other words."""
    width, _, height = words.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise SettingsError(f"--size {words} is not WIDTHxHEIGHT, such as 1280x960.")
    return int(height), int(width)
