"""Tell OME-XML that a file can hold from XML that promises planes by the million."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, prod
from typing import Any
from xml.etree import ElementTree

import tifffile

MOST_PLANES = 100_000
"""What is promised beyond the pages that are there, by a series that was broken off: tifffile makes a list of it all.
It made one of 4.7 GB of an XML of 200 KB."""

PLACES = ("IFD", "NumPlanes", "PlaneCount", "FirstZ", "FirstC", "FirstT")


def promises_too_much(tiff: tifffile.TiffFile) -> bool:
    """Return whether a TIFF has OME-XML of far more planes than the file has pages, or that cannot be read at all."""
    if not tiff.is_ome or tiff.ome_metadata is None:
        return False
    try:
        promised = sum(_promised(ElementTree.fromstring(tiff.ome_metadata)))
    except (ElementTree.ParseError, ValueError, TypeError, ZeroDivisionError, OverflowError):
        return True
    return promised > MOST_PLANES + 10 * len(tiff.pages)


def _promised(root: ElementTree.Element) -> Iterator[float]:
    """Yield what the elements of OME-XML promise, each in planes."""
    for element in root.iter():
        kind = element.tag.rpartition("}")[2]
        if kind == "Pixels":
            yield prod(int(element.attrib.get(f"Size{axis}", 1)) for axis in "ZCT")
        elif kind == "TiffData":
            yield from (int(element.attrib[name]) for name in PLACES if name in element.attrib)
        elif kind.startswith("ModuloAlong") and "Start" in element.attrib:
            yield _steps(element.attrib)


def _steps(along: dict[str, Any]) -> float:
    start, end, step = (float(along.get(name, 1)) for name in ("Start", "End", "Step"))
    return abs((end - start) / step) if step else inf
