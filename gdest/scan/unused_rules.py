"""Name the rules, patterns and rows of tables that fit no file of an archive: a slip in one shows so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from unicodedata import normalize

from gdest.core import ImageFile, Objective, in_other_forms, magnification_of_name, named, say_each, split_page
from gdest.reports import SpecimenRule
from gdest.scan.exporting import rules_of
from gdest.scan.job import Job


def say_what_fits_nothing(job: Job, files: Sequence[ImageFile]) -> None:
    """Say of each rule of gdest.toml, row of its table of specimens, and pattern, that it fits none of the files."""
    say_each(list(_unused(job, files)), " rules and patterns that fit no file")


def _unused(job: Job, files: Sequence[ImageFile]) -> Iterator[str]:
    calibration, options = job.settings.calibration, job.options
    globs = {
        "pixel_size": [rule.glob for rule in calibration.rules],
        "crop": [rule.glob for rule in job.settings.crops],
    }
    for section, of_rules in globs.items():
        for number, glob in enumerate(of_rules, start=1):
            if not _fits_any(_glob(glob), files):
                yield f"{job.config}: [[{section}]] {number} fits no file: glob = {glob!r}."
    for number, objective in enumerate(calibration.objectives, start=1):
        if not _fits_any(_objective(objective), files):
            what = f"name = {objective.name!r}, glob = {objective.glob!r}"
            yield f"{job.config}: [[objective]] {number} fits no file: {what}."
    for option, patterns in (("--include", options.include), ("--exclude", options.exclude)):
        for glob in patterns:
            if not _fits_any(_glob(glob), files):
                yield f"{option} {glob} fits no file."
    for sentence in _unused_rows(rules_of(job.record).specimen, files):
        yield f"{job.config}: {sentence}"


def _unused_rows(rule: SpecimenRule | None, files: Sequence[ImageFile]) -> Iterator[str]:
    if rule is None or not rule.listed:
        return
    names = {file.name for file in files}
    forms = {name: in_other_forms(name) + in_other_forms(split_page(name)[0]) for name in rule.listed}
    unused = [name for name, known in forms.items() if names.isdisjoint(known)]
    if unused:
        fit = "row fits" if len(unused) == 1 else "rows fit"
        yield f"[specimen] csv: {len(unused)} of {len(rule.listed)} {fit} no file: {named(unused)}."


def _fits_any(fits: Callable[[str], object], files: Sequence[ImageFile]) -> bool:
    return any(fits(file.name) for file in files)


def _glob(glob: str) -> Callable[[str], object]:
    """Return whether a name fits a glob, which may also name a later micrograph of a file, `a.tif#2`."""
    whole, of_file = (_match(one) for one in (glob, split_page(glob)[0]))
    return lambda name: whole(name) or of_file(name)


def _match(glob: str) -> Callable[[str], object]:
    """Return what `fits` of core says of a glob and each of a million names: it is translated once."""
    as_it_is, composed = (re.compile(translate(one)).match for one in (glob, normalize("NFC", glob)))
    return lambda name: as_it_is(name) or (not name.isascii() and composed(normalize("NFC", name)))


def _objective(objective: Objective) -> Callable[[str], object]:
    """Return whether a name fits the glob of an objective and states its magnification, which takes longer to find."""
    fits, digits = _match(objective.glob), f"{objective.magnification:g}"
    written = {digits, digits.replace(".", ",")}

    def states(name: str) -> bool:
        return any(one in name for one in written) and magnification_of_name(name)[0] == objective.magnification

    return lambda name: fits(name) and states(name)
