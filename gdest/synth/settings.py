"""Say which synthetic micrographs to make."""

from __future__ import annotations

from dataclasses import dataclass

from gdest.core import G_MAX, G_MIN, require


@dataclass(frozen=True)
class SynthSettings:
    """Say which synthetic micrographs to make: G evenly between two ends, or folders of single `grades`."""

    count: int = 10
    g_min: float = 3.0
    g_max: float = 12.0
    seed: int = 0
    rows: int = 960
    cols: int = 1280
    um_per_px: float = 1.0
    label_maps: bool = False
    workers: int = 1
    grades: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values no micrograph can have."""
        require(all(G_MIN <= g <= G_MAX for g in self.grades), "--grades must lie in 0..16.")
        require(self.count >= 1, "--count must be at least 1.")
        require(G_MIN <= self.g_min <= self.g_max <= G_MAX, "--g-min and --g-max must satisfy 0 <= min <= max <= 16.")
        require(self.rows >= 224 and self.cols >= 224, "--size must be at least 224x224 px.")
        require(self.um_per_px > 0, "--um-per-px must be positive.")
