"""Choose which pages of a TIFF are fields of view: not its pyramid levels, thumbnails, labels and display copies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tifffile
from tifffile import COMPRESSION

from gdest.core import MicrographError

MOST_PAGES = 10_000
STACKS = ("imagej", "stk")
"""The kinds of files whose planes may lie one behind the other after a single page."""

OLYMPUS_SIS = 33560
PREVIEWS = ("thumb", "label", "macro", "overview", "preview")


def fields_of_view(tiff: tifffile.TiffFile) -> Iterator[tuple[Any, int]]:
    """Yield tifffile's pages in the order of the file, those of full resolution, each with the number of its plane.

    The number is 0 but for the further planes of an ImageJ or MetaMorph stack, which lie behind the only page that it
    has. A page that is marked as reduced counts where there is no other.
    """
    pages = [*_full_pages(tiff)] or [(page, 1) for page in _largest(tiff)]
    pages.sort(key=lambda found: _place(found[0]))
    if sum(planes for _, planes in pages) > MOST_PAGES:
        raise MicrographError(f"holds more than {MOST_PAGES} pages")
    yield from ((page, plane) for page, planes in pages for plane in range(planes))


def _full_pages(tiff: tifffile.TiffFile) -> Iterator[tuple[Any, int]]:
    """Yield the pages of the series that are no previews, and how many planes each stands for."""
    series: Any = tiff.series
    largest = max((one.shape[one.axes.index("Y")] if "Y" in one.axes else 0) for one in series) if series else 0
    seen = set()
    for index, one in enumerate(series):
        if index and _is_preview(one, largest):
            continue
        for page in one.pages:
            # a frame is a page of which tifffile reads only the offsets; it is like its key frame
            if page is None or page.keyframe.is_reduced or page.keyframe.is_mask:
                continue
            if _place(page) not in seen and not _is_display_copy(page, series):
                seen.add(_place(page))
                yield page, _planes_of(one)
    # of an ImageJ stack that ends early tifffile knows only the first plane
    if len(seen) == 1 and series[0].kind != "imagej" and int((tiff.imagej_metadata or {}).get("images", 1)) > 1:
        raise MicrographError("truncated: the file ends before its pixels do")


def _place(page: Any) -> tuple[int, ...]:
    """Return where a page stands: its number, and for a page below another that of both."""
    place: list[int] = []
    for index in page.treeindex:
        place += index if isinstance(index, tuple) else [index]
    return tuple(place)


def _largest(tiff: tifffile.TiffFile) -> list[Any]:
    """Return the largest pages of a file that holds nothing but pages marked as reduced."""
    tiff.pages.useframes = False
    whole: Any = tiff.pages
    pages = [page for page in whole if page.shape and not page.keyframe.is_mask]
    most = max((int(np.prod(page.shape[:2])) for page in pages), default=0)
    return [page for page in pages if int(np.prod(page.shape[:2])) == most]


def _planes_of(series: Any) -> int:
    """Return how many planes the only page of a stack stands for; 1 for any other."""
    page = series.pages[0]
    if series.kind not in STACKS or len(series.pages) > 1:
        return 1
    return max(1, int(series.size) // max(1, int(np.prod(page.keyframe.shape))))


def _is_preview(series: Any, largest: int) -> bool:
    """Return whether a further series is a label, an overview or a thumbnail rather than a field of view."""
    name = series.name.lower()
    rows = series.shape[series.axes.index("Y")] if "Y" in series.axes else 0
    return any(word in name for word in PREVIEWS) or rows * 8 <= largest


def _is_display_copy(page: Any, series: Any) -> bool:
    """Return whether a page is the JPEG that Olympus puts before the picture itself, which alone has its SIS tag."""
    key = page.keyframe
    if key.compression != COMPRESSION.JPEG or OLYMPUS_SIS in key.tags:
        return False
    others = (other.keyframe for one in series for other in one.pages[:1] if other is not None)
    size = (key.imagelength, key.imagewidth)
    return any(OLYMPUS_SIS in other.tags and (other.imagelength, other.imagewidth) == size for other in others)
