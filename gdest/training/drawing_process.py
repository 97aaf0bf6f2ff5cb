"""Draw micrographs in a process of its own, into memory that it shares with the training; knows no torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import SynchronizedArray
from typing import Any

import numpy as np

from gdest.synth import SynthSettings, draw_micrograph
from gdest.training.channels import CHANNELS, log2_densities, pyramid, pyramid_shapes, with_label_map

LOWER_PRIORITY = 10
"""Training waits for nothing else, so it goes first where there are fewer cores than processes."""


@dataclass(frozen=True)
class Share:
    """Say what one process draws: the micrographs of these numbers, in order, each with its label map or grey alone.

    It is ahead by at most `places` of them, which lie in the shared memory one after another, again and again.
    """

    settings: SynthSettings
    numbers: Sequence[int]
    label_maps: bool
    places: int

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """Return the shape of each level of a micrograph's pyramid."""
        return pyramid_shapes(len(CHANNELS) if self.label_maps else 1, self.settings.rows, self.settings.cols)

    @property
    def size(self) -> int:
        """Return the bytes of one micrograph."""
        return sum(channels * rows * cols for channels, rows, cols in self.shapes)


def draw_share(share: Share, memory: SynchronizedArray[Any], connection: Connection) -> None:
    """Draw a share: send (G, log2 densities) of each when it lies in its place, hear a message when one is free again.

    Ends where it is when the training has gone.
    """
    if hasattr(os, "nice"):
        os.nice(LOWER_PRIORITY)
    places = np.frombuffer(memory, np.uint8).reshape(share.places, share.size)  # type: ignore[call-overload]
    try:
        for count, number in enumerate(share.numbers):
            made = draw_micrograph(share.settings, number)
            channels = with_label_map(made.pixels, made.labels, made.features)
            levels = pyramid(channels if share.label_maps else channels[:1])
            if count >= share.places:
                connection.recv_bytes()
            np.concatenate([level.ravel() for level in levels], out=places[count % share.places])
            connection.send((made.g, log2_densities(levels)))
        while True:  # stay until the training closes: it would take an end for a death
            connection.recv_bytes()
    except (EOFError, ConnectionError):
        return
