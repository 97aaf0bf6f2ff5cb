"""Say what a scan would do with each file: its pixel size, its specimen and the limits that would apply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from gdest.core import ImageFile, Status, how_many, image_files, progress, require_writable
from gdest.reading import Header, read_headers
from gdest.reports import Limit, Rules
from gdest.scan.exporting import rules_of
from gdest.scan.graders import load_weights_of
from gdest.scan.job import Job
from gdest.scan.planning import Why, preview

AS_WITH_A_BAR = "scale-bar?"
"""The source of a size that only the pixels tell: a scale bar is looked for when the file is graded."""


DONE = {"grade": "to grade", "leave": "to leave", "gone": "deleted"}


@dataclass(frozen=True)
class Foreseen:
    """Say of one file what a scan would do and why; of one that it takes or has graded, what it would know of it.

    `um_per_px` are the sizes of its micrographs, each once; `note` is why it would fail or need review.
    """

    file: str
    action: str
    why: str
    um_per_px: str = ""
    um_per_px_source: str = ""
    specimen: str = ""
    limits: str = ""
    note: str = ""


@dataclass(frozen=True)
class Forecast:
    """Hold what is foreseen of each file, sorted by name, and sentences with the totals."""

    files: tuple[Foreseen, ...]
    totals: tuple[str, ...]


def foresee(job: Job) -> Forecast:
    """Return what a scan would do, from the headers of the files alone; write nothing.

    Raises what the scan itself would raise: for weights that cannot be used, and an output that cannot be written.
    """
    require_writable(job.out, folder=True)
    if job.options.log_file:
        require_writable(job.options.log_file)
    lines, rules = preview(job), rules_of(job.record)
    if any(line.action == "grade" for line in lines):
        load_weights_of(job)
    files = {file.name: file for file in image_files(job.roots, [])}
    found = []
    with progress("looking", len(lines), every_step=False) as advance:
        for line in lines:
            taken = line.action == "grade" or line.why == "unchanged"
            known = _known(files[line.file], job, rules) if taken and line.file in files else {}
            found.append(Foreseen(*line, **known))
            advance(1)
    return Forecast(tuple(found), tuple(_totals(found, rules)))


def _known(file: ImageFile, job: Job, rules: Rules) -> Mapping[str, str]:
    headers = list(read_headers(file, job.settings))
    sizes = [_size(header, job) for header in headers]
    origin = rules.specimen.origin(file.name) if rules.specimen else None
    names = {"file": file.name, **(asdict(origin) if origin else {})}
    notes = [note for header in headers for note in (header.problem, *header.doubts) if note]
    pages = [f"{len(headers)} micrographs"] if len(headers) > 1 else []
    return {
        "um_per_px": _each_once([um for um, _ in sizes]),
        "um_per_px_source": _each_once([source for _, source in sizes]),
        "specimen": origin.specimen if origin else "",
        "limits": _each_once([one.sentence for one in rules.limits if _applies(one, names)]),
        "note": _each_once([*pages, *notes]),
    }


def _size(header: Header, job: Job) -> tuple[str, str]:
    """Return the pixel size of a micrograph and its source, as a table shows them."""
    if header.chosen is not None:
        return f"{header.chosen.um_per_px:.5g}", str(header.chosen.source)
    calibration = job.settings.calibration
    looks = calibration.read_scale_bar or calibration.scale_bar_um is not None
    return "", "" if header.problem else AS_WITH_A_BAR if looks else str(Status.UNCALIBRATED)


def _applies(limit: Limit, names: Mapping[str, object]) -> bool:
    """Return whether a limit looks at a micrograph of these names, or at its specimen for its sake."""
    kinds = [kind for kind in limit.on if kind == "micrograph" or names.get("specimen")]
    return any(limit.holds_for(kind, names) for kind in kinds)


def _each_once(words: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, words)))


def _totals(files: Sequence[Foreseen], rules: Rules) -> list[str]:
    """Return sentences with the number of files by what would be done, by source of pixel size, and by specimen."""
    actions = Counter(one.action for one in files)
    whys = Counter(one.why for one in files if one.action == "grade")
    done = [f"{actions[one]} {words}" for one, words in DONE.items() if actions[one]]
    if whys:
        done[0] += f" ({', '.join(f'{whys[why]} {why}' for why in Why if whys[why])})"
    said = [f"{how_many(len(files), 'file')}: {', '.join(done)}."]
    looked_at = [one for one in files if one.um_per_px_source or one.note]
    sources = Counter(one.um_per_px_source or "cannot be read" for one in looked_at)
    if sources:
        counts = ", ".join(f"{count} {source}" for source, count in sorted(sources.items(), key=lambda one: -one[1]))
        said.append(f"Pixel sizes by source: {counts}.")
    if unknown := sources[Status.UNCALIBRATED]:
        said.append(f"{unknown} would get no G, since nothing says their pixel size: gdest manual pixel-size.")
    if rules.specimen and looked_at:
        specimens = {one.specimen for one in looked_at if one.specimen}
        none = sum(not one.specimen for one in looked_at)
        said.append(f"{how_many(len(specimens), 'specimen')}; {how_many(none, 'file')} of none.")
    for number, limit in enumerate(rules.limits, start=1):
        applies = sum(limit.sentence in one.limits.split("; ") for one in looked_at)
        said.append(f"Limit {number}: {limit.sentence}, applies to {how_many(applies, 'file')}.")
    return said
