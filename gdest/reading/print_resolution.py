"""Tell a microscope's resolution from that of a screen, a printer, a scanner or a camera."""

from __future__ import annotations

from collections.abc import Iterable

UM_PER_INCH = 25_400.0

LEAST_DPI = 5000.0
"""Screens, printers, scanners and cameras without an objective write less; a microscope at 5x to 100x writes more."""

ROUND_DPI, MOST_ROUND_DPI = (400, 1000), 20_000.0
"""Scanners and printers reach multiples of these, up to so many dpi."""

DPI_WITHIN = 1.3
"""Room for a resolution that was stored as whole pixels per cm: 9,600 dpi are 3,780 per cm, which are 9,601.2 dpi."""

PRINT_DPI = (50, 72, 96)
"""Below `LEAST_DPI` a calibrated pixel size is a multiple of these by accident only."""


def says_nothing(um_per_px: float) -> bool:
    """Return whether a bare resolution is too coarse or too round to be a microscope's."""
    dpi = UM_PER_INCH / um_per_px
    return dpi < LEAST_DPI or (dpi <= MOST_ROUND_DPI and _is_multiple(dpi, ROUND_DPI))


def is_print_resolution(um_per_px: float) -> bool:
    """Return whether a pixel size that is called calibrated is the resolution of a screen, printer or scanner."""
    dpi = UM_PER_INCH / um_per_px
    return dpi < LEAST_DPI and _is_multiple(dpi, PRINT_DPI)


def _is_multiple(dpi: float, of: Iterable[int]) -> bool:
    return any(dpi >= step - DPI_WITHIN and abs(dpi - round(dpi / step) * step) <= DPI_WITHIN for step in of)
