"""Tell before any work whether its result can be written."""

from __future__ import annotations

import os
from pathlib import Path

from gdest.core.errors import OutputError


def require_writable(path: Path, *, folder: bool = False) -> None:
    """Raise `OutputError` unless a file of this path, or files in this `folder`, can be made; write nothing.

    Folders that are missing are to be made in the nearest one that is there. A disk may still be full later.
    """
    if path.exists():
        if path.is_dir() != folder:
            raise OutputError(f"Cannot write {path}: it is {'not a folder' if folder else 'a folder'}.")
        if not os.access(path, os.W_OK | (os.X_OK if folder else 0)):
            raise OutputError(f"Cannot write {path}: {_why(path)}.")
    nearest = path.absolute() if folder and path.exists() else _nearest(path.absolute().parent)
    if not nearest.is_dir():
        raise OutputError(f"Cannot write {path}: {nearest} is not a folder.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputError(f"Cannot write {path}: {_why(nearest)} in {nearest}.")


def is_read_only(path: Path) -> bool:
    """Return whether a path lies on a file system that nobody may write, False where that is not known."""
    asked = getattr(os, "statvfs", None)  # which Windows does not have
    try:
        return asked is not None and bool(asked(path).f_flag & getattr(os, "ST_RDONLY", 1))
    except OSError:
        return False


def _why(path: Path) -> str:
    """Return why nothing can be written where a path lies."""
    return "read-only file system" if is_read_only(path) else "permission denied"


def _nearest(path: Path) -> Path:
    """Return the path, or the nearest above it that is there; a link that leads nowhere counts as there."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path
