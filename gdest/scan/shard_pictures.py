"""Take the pictures of a shard, which another machine wrote, and nothing else that its ledger may name."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from gdest.core import OutputError, as_output_error, printable, stays_inside
from gdest.reports import picture_names
from gdest.scan.ledger_schema import LedgerRow, Pictures


def require_inside(folder: Path, names: Iterable[str]) -> None:
    """Raise `OutputError` for a name in a shard's ledger that leads out of the output folder."""
    for name in names:
        if not stays_inside(name):
            raise OutputError(
                f'{folder} names a micrograph "{printable(name)}", which leads out of its folder; no gdest wrote '
                "that. Leave this shard out, and scan it again."
            )


def take_pictures(folder: Path, out: Path, row: LedgerRow) -> Pictures:
    """Give the pictures of a row a second name below `out`; return what the ledger knows of them, and of no others."""
    names = picture_names(str(row.cells["file"]), counted=True)
    for name in names:
        _take_picture(folder, out, name)
    return {name: known for name, known in row.pictures.items() if name in names}


def _take_picture(folder: Path, out: Path, name: str) -> None:
    """Link a picture, or copy it where the disk cannot; what is no regular file within the shard is left there."""
    source = folder / name
    with as_output_error(out / name):
        if not _is_own(source, folder):
            return
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).unlink(missing_ok=True)
        try:
            os.link(source, out / name, follow_symlinks=False)
        except OSError:
            shutil.copyfile(source, out / name, follow_symlinks=False)


def _is_own(path: Path, folder: Path) -> bool:
    """Return whether a path is a regular file below a folder, reached through no link."""
    try:
        is_file = stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
    return is_file and path.parent.resolve() == folder.resolve() / path.parent.relative_to(folder)
