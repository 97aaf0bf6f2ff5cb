"""Look at an archive for the first time: its names, and the headers of a sample of its files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gdest.core import GradeSettings, ImageFile, magnification_of_name, progress
from gdest.reading import Header, magnifications_told, read_headers
from gdest.scan.archive import look_for_images

MOST_OPENED = 200
"""Of more files an even sample is opened: on a slow share a file takes some 50 ms."""

UNKNOWN = "none"
USUAL = frozenset({25, 50, 100, 200, 400, 500, 1000})
"""Magnifications of metallography. A bare number like these in a name may be one; gdest reads it as `200x` only."""

BARE = re.compile(r"(?<![0-9.,])([0-9]{2,4})(?![0-9.,xX])")


@dataclass
class Magnified:
    """Hold how many files state a magnification, one of them, and the pixel sizes, with sources, that those opened say.

    Of files that say no size there is the count under an empty text.
    """

    files: int = 0
    example: str = ""
    sizes: Counter[str] = field(default_factory=Counter)


@dataclass
class Survey:
    """Hold what was seen of an archive.

    `names` are all files in order, `folders` and `endings` count them, `opened` says how many were looked into.
    `sources` counts these by what states their pixel size, `UNKNOWN` for nothing, with `sizes` as text by source.
    `by_name` is by magnification, `bare` by number that may be one, `by_tag` counts files whose tags state one.
    `silent` are the opened files, by folder, of which neither name nor content tells a size, `told` those of which
    the name or, where it was opened, the content does.
    """

    names: tuple[str, ...] = ()
    folders: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    opened: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    sizes: dict[str, set[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    by_name: dict[float, Magnified] = field(default_factory=dict)
    bare: dict[int, list[str]] = field(default_factory=dict)
    by_tag: Counter[float] = field(default_factory=Counter)
    silent: dict[str, list[str]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)


def survey(roots: Sequence[Path], most_opened: int = MOST_OPENED) -> Survey:
    """Return what an archive holds; raise `NothingGradedError` where there is no image."""
    files = look_for_images(roots).files
    seen = Survey(tuple(file.name for file in files))
    for file in files:
        _count_name(seen, file.name)
    sample = spread(files, most_opened)
    with progress("looking", len(sample), every_step=False) as advance:
        for file in sample:
            _look_into(seen, file)
            advance(1)
    return seen


def spread(files: Sequence[ImageFile], most: int) -> list[ImageFile]:
    """Return at most so many files, evenly spread over their names, so that large folders give more of them."""
    if len(files) <= most:
        return list(files)
    return [files[index * len(files) // most] for index in range(most)]


def _count_name(seen: Survey, name: str) -> None:
    folder, _, last = name.rpartition("/")
    seen.folders[folder] += 1
    seen.endings[Path(last).suffix.lower()] += 1
    magnification, _ = magnification_of_name(name)
    if magnification is not None:
        known = seen.by_name.setdefault(magnification, Magnified())
        known.files, known.example = known.files + 1, known.example or name
        seen.told.add(name)
        return
    for number in {int(found) for found in BARE.findall(name)} & USUAL:
        seen.bare.setdefault(number, []).append(name)


def _look_into(seen: Survey, file: ImageFile) -> None:
    header = next(iter(read_headers(file, GradeSettings())))
    seen.opened += 1
    if header.problem:
        seen.problems.append(f"{header.name}: {header.problem}")
        return
    source, size = _said(header)
    seen.sources[source] += 1
    if size:
        seen.sizes.setdefault(source, set()).add(size)
        seen.told.add(file.name)
    magnification, _ = magnification_of_name(file.name)
    if magnification is not None:
        seen.by_name[magnification].sizes[f"{size} ({source})" if size else ""] += 1
    elif not size:
        seen.silent.setdefault(file.name.rpartition("/")[0], []).append(file.name)
    seen.by_tag.update(magnifications_told(file.path))


def _said(header: Header) -> tuple[str, str]:
    if header.chosen is None:
        return UNKNOWN, ""
    return str(header.chosen.source), f"{header.chosen.um_per_px:.4g}"


def each(counts: Counter[str], words: Callable[[str, int], str], most: int) -> Iterator[str]:
    """Yield a line for each of the most frequent, and one for the rest."""
    for name, count in counts.most_common(most):
        yield words(name, count)
    if len(counts) > most:
        yield f"... and {len(counts) - most} more"
