"""Hold the record of an output folder: its rows, and all that a reader needs to trace them."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gdest.core import CsvStyle, __version__, path_named, split_page
from gdest.reports.rows import Cells, Pairs, Rows
from gdest.reports.said_by_rules import Acceptance

LIBRARIES = (
    "torch", "torchvision", "openvino", "safetensors", "numpy", "scipy", "scikit-image", "pillow", "tifffile",
    "imagecodecs", "pylibCZIrw", "liffile", "nd2", "oiffile", "slideio", "rapidocr", "onnxruntime", "matplotlib",
    "contourpy", "ray", "pandas", "openpyxl", "xlsxwriter", "itables", "jinja2", "typst",
)  # fmt: skip
"""Whatever touches a pixel, a number or a report: decoders, the network's engines, readers of scale bars, writers."""


def caution(model: str) -> str:
    """Return the sentence beside every number that says what it is not; `model` names the weights."""
    return f"G is an estimate by {model}, not an E112 measurement; duplex is an indication, not an E1181 rating."


INTERVALS = (
    "The interval of G, low to high, is 90 % on a micrograph and 95 % over the fields of a specimen; "
    "that of G counted is 95 % on both."
)
NOTE = f"{caution('the model named here')} {INTERVALS}"


def counted_caution(model: str) -> str:
    """Return the sentence beside what was counted; `model` names the weights."""
    return f"G counted follows E112, on boundaries that {model} drew: look at the overlays."


@dataclass(frozen=True)
class Record:
    """Hold what `run.json` holds: the rows of an output folder and where they come from.

    `table` has one dict of cells per micrograph, sorted by file. `sections` are those of gdest.toml, which lay in
    `rules_folder`; `settings` holds every setting by name, `engine` what computed: engine, precision and device. Times
    are UTC, ISO 8601. `seconds` is the time that the last scan needed for its `files_read` new files.

    `waiting` has a row, with `file` and `why`, for each file of the archive that the reports do not have yet, or not as
    it is now; `ended` says what ended the scan before them; `unlisted` folders may hold more that is not known. An
    unfinished scan has no `finished` time, but one when it `stopped`. `history` tells of every time that the reports
    were written, oldest first; `not_written` why a report of this time is missing. `pictures` are (name in the output
    folder, SHA-256). `csv` is the style of the CSV files, `accepted` what the rules say of the rows,
    None before they were asked. `deleted` names the files that left the archive since the reports before; the history
    keeps the first of them.
    """

    table: Rows
    roots: tuple[str, ...]
    model: str
    model_sha256: str
    weights: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    engine: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, Any] = field(default_factory=dict)
    rules_folder: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    files_read: int = 0
    stopped: str = ""
    ended: str = ""
    unlisted: tuple[str, ...] = ()
    history: tuple[Mapping[str, Any], ...] = ()
    not_written: Mapping[str, str] = field(default_factory=dict)
    csv: CsvStyle = "plain"
    accepted: Acceptance | None = None
    waiting: list[Cells] = field(default_factory=list)
    pictures: Pairs = ()
    deleted: tuple[str, ...] = ()

    @property
    def unfinished(self) -> str:
        """Return the sentence for a scan that has not reached its end, empty for one that has."""
        if not self.waiting and not self.ended and not self.unlisted:
            return ""
        reasons = Counter(str(row["why"]) for row in self.waiting if row.get("why"))
        of_each = ", ".join(f"{count} {why}" for why, count in reasons.items())
        count = len(self.waiting)
        files = f"{count} {'file waits' if count == 1 else 'files wait'} to be graded"
        known = f"{files} ({of_each})" if of_each else files
        folders = len(self.unlisted)
        hidden = f"{folders} {'folder' if folders == 1 else 'folders'} could not be listed" if folders else ""
        what = ", ".join(filter(None, (known if count else "", hidden))) or "how many files wait is not known"
        return f"Unfinished{f', {self.ended}' if self.ended else ''}: {what}."

    @property
    def closed(self) -> str:
        """Return when the scan finished, or when it was stopped."""
        return self.stopped if self.unfinished else self.finished

    def path_of(self, file: str) -> Path | None:
        """Return where a row's file lies, `file#2` (its second micrograph) as well; None when its root is unknown."""
        if len(self.roots) == 1:
            path = path_named(self.roots[0]) / path_named(file)
        else:
            first, _, rest = file.partition("/")
            root = next((path_named(root) for root in self.roots if Path(root).name == first), None)
            if root is None:
                return None
            path = root / path_named(rest)
        whole = path.with_name(split_page(path.name)[0])
        return whole if whole != path and not path.exists() else path

    def counts(self, column: str) -> Counter[str]:
        """Return how many rows have each value of a text column."""
        return Counter(str(row[column]) for row in self.table if row.get(column))


def library_versions() -> dict[str, str]:
    """Return the versions of Python, gdest and the libraries that the numbers and reports depend on."""
    found = {"python": platform.python_version(), "gdest": __version__}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def this_host() -> str:
    """Return the name of this machine and its system."""
    return f"{platform.node()}, {platform.system()} {platform.release()}, {platform.machine()}"
