"""Find out what a scan has to do, and recall what it need not do twice."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gdest.core import FileState, GradeMap, GradeSettings, ImageFile, Micrograph, answer_settings, split_page
from gdest.grading import Memory, no_memory
from gdest.model import ModelFile
from gdest.reports import PICTURE_FOLDERS, picture_names
from gdest.scan.changes import Plan, compare
from gdest.scan.ledger import LEDGER, Ledger
from gdest.scan.ledger_schema import Recipe
from gdest.scan.selection import Selection, select
from gdest.scan.settings import ScanSettings


@dataclass(frozen=True)
class Archive:
    """Hold the files found; `whole` says that all folders could be listed, so that what is missing was deleted.

    `settled` are the files that may be graded while folders are watched, None for all.
    """

    files: Sequence[ImageFile]
    whole: bool
    settled: Sequence[ImageFile] | None = None


def make_plan(archive: Archive, ledger: Ledger, recipe: int, out: Path, options: ScanSettings) -> Plan:
    """Return what is left to do, at most `limit` files of it; a shard writes down what it has to hold in the end."""
    selection = select(archive.files if archive.settled is None else archive.settled, options)
    if options.shard:
        ledger.expect([file.name for file in archive.files if options.shard.holds(file.name)])
    undrawn = _undrawn(ledger, recipe, out) if options.heatmaps else set()
    return _compare(archive, selection, ledger.files(recipe), undrawn, options)


def _compare(
    archive: Archive, selection: Selection, known: dict[str, FileState], undrawn: set[str], options: ScanSettings
) -> Plan:
    present = {file.name for file in archive.files} if archive.whole else known
    plan = compare(selection.taken, known, present, undrawn=undrawn, force=options.force)
    return plan if options.limit is None else Plan(plan.work[: options.limit], plan.unchanged, plan.gone)


def _undrawn(ledger: Ledger, recipe: int, out: Path) -> set[str]:
    """Return the graded files of which a picture is missing."""
    drawn: set[str] = set()
    for kind in PICTURE_FOLDERS:
        for folder, _, names in os.walk(out / kind):
            below = Path(folder).relative_to(out).as_posix()
            drawn.update(f"{below}/{name}" for name in names)
    return {file for micrograph, file in ledger.mapped(recipe) if not drawn.issuperset(picture_names(micrograph))}


def print_plan(archive: Archive, model: ModelFile, settings: GradeSettings, out: Path, options: ScanSettings) -> int:
    """Print on standard output, tab-separated, each file, whether it would be graded, and why; write nothing."""
    selection = select(archive.files, options)
    known, undrawn = _known(model, settings, out, options)
    plan = _compare(archive, selection, known, undrawn, options)
    lines = [(work.file.name, "grade", work.why) for work in plan.work]
    lines += [(name, "leave", "unchanged") for name in plan.unchanged]
    lines += [(name, "leave", why) for name, why in selection.left]
    told = {name for name, _, _ in lines}
    lines += [(file.name, "leave", "beyond --limit") for file in selection.taken if file.name not in told]
    lines += [(name, "gone", "no longer in the archive") for name in plan.gone]
    for line in sorted(lines):
        sys.stdout.write("\t".join(line) + "\n")
    return 0


def _known(
    model: ModelFile, settings: GradeSettings, out: Path, options: ScanSettings
) -> tuple[dict[str, FileState], set[str]]:
    """Return the files that the ledger of `out` knows, and those of them without a picture, making nothing."""
    if not (out / LEDGER).is_file():
        return {}, set()
    with Ledger.open(out) as ledger:
        recipe = ledger.find_recipe(model.sha256, answer_settings(settings))
        if recipe is None:
            return {}, set()
        undrawn = _undrawn(ledger, recipe.id, out) if options.heatmaps else set()
        return ledger.files(recipe.id), undrawn


@contextmanager
def memory(out: Path, recipe: Recipe, options: ScanSettings) -> Iterator[Memory]:
    """Give what finds the grade map of a micrograph whose very bytes were graded before."""
    if options.force:
        yield no_memory
        return
    with Ledger.open(out) as ledger:  # a connection of its own: many threads ask, while another writes
        one_at_a_time = threading.Lock()

        def recall(micrograph: Micrograph) -> GradeMap | None:
            with one_at_a_time:
                known = ledger.remembered(recipe.id, micrograph.sha256)
            return known.get(_page(micrograph.file))

        yield recall


def _page(file: ImageFile) -> str:
    """Return what a micrograph's name adds to its file's: nothing for the first one, `#2` for the second."""
    page = split_page(file.name)[1]
    return "" if file.path.name.endswith(page) else page
