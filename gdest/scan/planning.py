"""Compare an archive with what the ledger knows of it, so that only what is new is graded."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Literal, NamedTuple

from gdest.core import LEDGER, FileState, ImageFile, NothingGradedError, OutputError, named
from gdest.scan.archive import Archive, look_at, look_for_images
from gdest.scan.job import Job
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Pictures
from gdest.scan.selection import Selection, select
from gdest.scan.unused_rules import say_what_fits_nothing

FEW = 5
"""So many deleted files are named in the plan's sentence, which is one line; `run.json` names more."""


class Why(StrEnum):
    """Say why a file is graded, in the order of the plan's sentence."""

    NEW = "new"
    MOVED = "moved"
    RELOCATED = "at another path"
    CHANGED = "changed"
    AGAIN = "to be read again"
    UNDRAWN = "without its pictures"
    FORCED = "forced"


@dataclass(frozen=True)
class Work:
    """Name a file to grade, its state when the scan looked, and why it is graded."""

    file: ImageFile
    state: FileState
    why: Why


@dataclass(frozen=True)
class Plan:
    """Hold what a scan has to do: files to grade, in order; names that are unchanged and that are gone.

    `deleted` are those of the gone that were not moved. `later` says of each file that waits for another scan why it
    does; `unlisted` are folders that may hold more. `known` counts the files of the ledger, `left` those that
    are not to be taken, by why not.
    """

    work: tuple[Work, ...]
    unchanged: tuple[str, ...]
    gone: tuple[str, ...]
    later: Mapping[str, str] = field(default_factory=dict)
    unlisted: tuple[str, ...] = ()
    known: int = 0
    left: Mapping[str, int] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()

    def require_any(self) -> None:
        """Raise `NothingGradedError` where no file is taken and the ledger has none: reports would be empty.

        A shard may be empty, since the others have the files.
        """
        if not (self.work or self.later or self.known) and self.left:
            why = ", ".join(f"{why} ({count})" for why, count in self.left.items())
            raise NothingGradedError(f"Not one of {sum(self.left.values())} files is taken: {why}.")

    def sentence(self) -> str:
        """Return the counts for a person: `12 new, 1 changed, 300 unchanged, 2 deleted (a/1.tif, a/2.tif)`."""
        counts = Counter(work.why for work in self.work)
        parts = [f"{counts[why]} {why}" for why in Why if counts[why]]
        deleted = [f"{len(self.deleted)} deleted ({named(self.deleted, FEW)})"] if self.deleted else []
        return ", ".join([*parts, f"{len(self.unchanged)} unchanged", *deleted])


class PlanLine(NamedTuple):
    """Say of one file what a scan would do with it, and why."""

    file: str
    action: Literal["grade", "leave", "gone"]
    why: str


@dataclass(frozen=True)
class _Known:
    """Hold the files that a ledger knows, and the names of those of which a picture is missing."""

    files: Iterable[FileState]
    undrawn: Collection[str]


def make_plan(job: Job, archive: Archive, ready: Sequence[ImageFile], ledger: Ledger, recipe: int) -> Plan:
    """Return what is left to do of the files that are `ready` to be read, at most `limit` of them.

    A shard also writes down which files all shards have to hold in the end.
    """
    selection = select(archive.files, job.options)
    if job.options.shard:
        ledger.expect([*(file.name for file in selection.taken), *selection.elsewhere])
    waits = {file.name for file in archive.files} - {file.name for file in ready} if ready is not archive.files else ()
    return _plan(job, archive, selection, waits, _known(job, ledger, recipe))


def preview(job: Job) -> list[PlanLine]:
    """Return what a scan would do, sorted by file; write nothing."""
    archive = look_for_images(job.roots)
    say_what_fits_nothing(job, archive.files)
    selection = select(archive.files, job.options)
    plan = _plan(job, archive, selection, (), _known_without_writing(job))
    plan.require_any()
    lines = [PlanLine(work.file.name, "grade", work.why) for work in plan.work]
    lines += [PlanLine(name, "leave", "unchanged") for name in plan.unchanged]
    lines += [PlanLine(name, "leave", why) for name, why in selection.left]
    lines += [PlanLine(name, "leave", why) for name, why in plan.later.items() if name not in selection.elsewhere]
    lines += [PlanLine(name, "gone", "no longer in the archive") for name in plan.deleted]
    return sorted(lines)


def require_same_archive(ledger: Ledger, roots: Sequence[Path], *, moved: bool = False) -> None:
    """Raise `OutputError` unless the folders to scan are those of the ledger, or those and more.

    The names of two archives say nothing of each other: a file of one would be taken for that of the other. An archive
    that `moved` has other folders, and each of its files is compared by hash.
    """
    run = ledger.last_run()
    if run is None or moved:
        return
    now = [str(root.resolve()) for root in roots]
    before = [os.path.abspath(root) for root in run.roots]  # not resolved again: a link may lead elsewhere by now
    if not set(before) <= set(now):
        raise OutputError(
            f"{ledger.path.parent} holds the results of {', '.join(before)}, not of {', '.join(now)}. Give another "
            "--out, or scan all of these folders at once, or, if this is the same archive at a new place, add --moved."
        )


def _plan(job: Job, archive: Archive, selection: Selection, waits: Collection[str], known: _Known) -> Plan:
    others = {name for name, _ in selection.left} if archive.whole else None
    plan = compare(selection.taken, known.files, others, undrawn=known.undrawn, force=job.options.force)
    work = [one for one in plan.work if one.file.name not in waits]
    later = {one.file.name: "still being written" for one in plan.work if one.file.name in waits}
    later |= {one.file.name: "beyond --limit" for one in work[job.options.limit :]} if job.options.limit else {}
    later |= dict.fromkeys(selection.elsewhere, "in other shards")
    left = Counter(why for _, why in selection.left) if job.options.shard is None else Counter[str]()
    return replace(plan, work=tuple(work[: job.options.limit]), later=later, unlisted=archive.unlisted, left=left)


def _known(job: Job, ledger: Ledger, recipe: int) -> _Known:
    return _Known(ledger.states(recipe), _undrawn(ledger, recipe, job.out) if job.options.heatmaps else ())


def _known_without_writing(job: Job) -> _Known:
    """Return what the ledger knows where there is one, and make none."""
    if not (job.out / LEDGER).is_file():
        return _Known((), ())
    with Ledger.look(job.out) as ledger:
        require_same_archive(ledger, job.roots, moved=job.options.moved)
        recipe = ledger.find_recipe(job.model.sha256, job.answer_settings)
        known = _known(job, ledger, recipe.id) if recipe else _Known((), ())
        return replace(known, files=tuple(known.files))


def _undrawn(ledger: Ledger, recipe: int, out: Path) -> set[str]:
    """Return the graded files of which a picture is missing or has another size than when it was drawn."""
    below = os.path.join(out, "")
    return {file for file, pictures in ledger.drawn(recipe) if not _are_there(pictures, below)}


def _are_there(pictures: Pictures, out: str) -> bool:
    try:
        return bool(pictures) and all(os.stat(out + name).st_size == size for name, (_, size) in pictures.items())
    except OSError:
        return False


def compare(
    files: Sequence[ImageFile],
    known: Iterable[FileState],
    others: Collection[str] | None,
    *,
    undrawn: Collection[str] = (),
    force: bool = False,
) -> Plan:
    """Return the work that is left.

    `files` are those that this scan may grade, `others` the names of all further files in the archive, None where not
    all are known; `known` are the states in the ledger, of which only one at a time is held. A file is unchanged when
    its size and time are equal to the known ones; an older time is a change too, since clocks go wrong. One at another
    path is read again, which compares it by hash. `undrawn` names files of which a picture is wanted and missing. A new
    file with the size and time of one that is gone has been moved.
    """
    new = {file.name: file for file in files}
    gone, departed = [], defaultdict[tuple[int, int], list[str]](list)
    work, unchanged, count = [], [], 0
    for before in known:
        count += 1
        file = new.pop(before.name, None)
        if file is None:
            if others is not None and before.name not in others:
                gone.append(before.name)
                departed[before.size, before.mtime_ns].append(before.name)
            continue
        state = look_at(file)
        if why := _why_again(state, before, undrawn=file.name in undrawn, force=force):
            work.append(Work(file, state, why))
        else:
            unchanged.append(file.name)
    work += _unknown(new.values(), departed)
    work.sort(key=lambda one: one.file.name)
    deleted = sorted(name for names in departed.values() for name in names)
    return Plan(tuple(work), tuple(sorted(unchanged)), tuple(sorted(gone)), known=count, deleted=tuple(deleted))


def _unknown(files: Iterable[ImageFile], departed: Mapping[tuple[int, int], list[str]]) -> Iterator[Work]:
    """Yield the work of files that no ledger knows; take the old name of each that was moved out of the `departed`."""
    for names in departed.values():
        names.sort(reverse=True)
    for file in files:
        state = look_at(file)
        moved_from = departed.get((state.size, state.mtime_ns), [])
        yield Work(file, state, Why.MOVED if moved_from else Why.NEW)
        del moved_from[-1:]  # its old name is gone, but nothing was deleted


def _why_again(state: FileState, before: FileState, *, undrawn: bool, force: bool) -> Why | None:
    """Return why a known file is graded again, None when it is not."""
    if force:
        return Why.FORCED
    if (state.size, state.mtime_ns) != (before.size, before.mtime_ns):
        return Why.CHANGED
    if state.path != before.path:
        return Why.RELOCATED
    if before.again:
        return Why.AGAIN
    return Why.UNDRAWN if undrawn else None
