"""Say which micrographs are drawn while a network trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from gdest.core import CORES, Option, Panel, SettingsError, at_least, check_fields
from gdest.synth import SynthSettings, read_size

LEFT_FREE = 2
"""Cores that the drawing leaves to the training unless it is told otherwise."""


@dataclass(frozen=True)
class DrawSettings:
    """Say which synthetic micrographs are drawn while a network trains: `draw` in each epoch, none when it is 0.

    They are those that `gdest synth` makes of the same seed, range and size; an epoch goes on where the one before
    ended. Their pixel size is the model's.
    """

    draw: Annotated[
        int,
        Option("Synthetic micrographs with label maps to draw in each epoch, always new ones.", at_least(0)),
    ] = 0
    draw_size: Annotated[str, Option("Their size in px.", shown="WIDTHxHEIGHT", panel=Panel.DRAWING)] = "512x512"
    draw_g_min: Annotated[float, Option("Their coarsest G.", panel=Panel.DRAWING)] = 1.5
    draw_g_max: Annotated[float, Option("Their finest G.", panel=Panel.DRAWING)] = 13.5
    draw_seed: Annotated[int, Option("The same seed draws the same micrographs.", panel=Panel.DRAWING)] = 0
    draw_workers: Annotated[
        int,
        Option("Processes that draw; 0 for one per core less two.", at_least(0), panel=Panel.DRAWING, speed_only=True),
    ] = 0

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values no micrograph can have."""
        check_fields(self)
        self.synthetic(1.0)

    def synthetic(self, um_per_px: float, *, first: int = 0, count: int = 1) -> SynthSettings:
        """Return the settings by which so many of them are made, from the `first` on."""
        try:
            rows, cols = read_size(self.draw_size)
            return SynthSettings(
                count=count,
                g_min=self.draw_g_min,
                g_max=self.draw_g_max,
                seed=self.draw_seed,
                rows=rows,
                cols=cols,
                um_per_px=um_per_px,
                label_maps=True,
                workers=self.processes,
                first=first,
            )
        except SettingsError as error:  # the same sentence, of our options
            raise SettingsError(str(error).replace("--", "--draw-")) from error

    @property
    def processes(self) -> int:
        """Return how many processes draw."""
        return self.draw_workers or max(1, CORES - LEFT_FREE)
