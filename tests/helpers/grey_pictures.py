"""Micrographs of known grains with a grey each, whose counted part begins somewhere inside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gdest.core import Overlay
from gdest.core.model_card import ModelCard
from gdest.grading.counting import count_grains
from helpers.boundary_fields import field_of

CELL_PX = 2
TOP, LEFT = 20, 40


def placed_overlays(labels: NDArray[np.integer]) -> tuple[Overlay, ...]:
    """Return the overlays of counted grains (rows, cols), whose field begins at TOP, LEFT of a micrograph."""
    field = replace(field_of(labels, cell_px=float(CELL_PX)), top=float(TOP), left=float(LEFT))
    return count_grains([field], ModelCard()).overlays


def placed_picture(cells: NDArray[np.number]) -> NDArray[np.uint8]:
    """Return a micrograph that shows the greys of cells (rows, cols) where that field lies, and white around."""
    rows, cols = (CELL_PX * side for side in cells.shape)
    whole = np.full((TOP + rows + 30, LEFT + cols + 10), 255, np.uint8)
    shown = cells.clip(0, 255).astype(np.uint8).repeat(CELL_PX, 0).repeat(CELL_PX, 1)
    whole[TOP : TOP + rows, LEFT : LEFT + cols] = shown
    return whole
