"""Open the log for machines, and nothing that was there before and is none."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from gdest.core import SUFFIXES, SettingsError

LONGEST_EVENT = 1_000_000
OWN_OUTPUT = ("/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2")
"""Where a container or a service collects what a process writes, whatever kind of file that is."""

NEITHER_LINK_NOR_PIPE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Flags that Windows does not have: follow no link, and do not wait for who reads a pipe."""


def require_log(path: Path, roots: Sequence[Path] = ()) -> None:
    """Raise `SettingsError` for a path to log to where a pipe, a micrograph or another file would be changed.

    So it does for one below the scanned folders, into which nothing is ever written. A link may lead to a log. This
    process's own output and a device such as /dev/null are let through, as is a log whose folder is not there or cannot
    be looked into: that is told when it is written.
    """
    if path.as_posix() in OWN_OUTPUT:
        return
    if path.suffix.lower() in SUFFIXES:
        raise SettingsError(f"--log-file {path} has the name of a micrograph; give it another, such as scan.jsonl.")
    if _is_there(path) and not _holds_events(path):
        raise SettingsError(f"--log-file {path} is not a log that gdest wrote; give another path.")
    inside = next((root for root in roots if path.resolve().is_relative_to(root.resolve())), None)
    if inside is not None:
        raise SettingsError(f"The log cannot go into the scanned folder {inside}; choose another --log-file.")


def _is_there(path: Path) -> bool:
    """Return whether a path is that of a regular file; raise `SettingsError` for what cannot be one."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        if path.is_symlink():
            raise SettingsError(f"--log-file {path} is a link to nothing; give the path of a file.") from None
        return False
    if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
        raise SettingsError(f"--log-file {path} is a folder or a pipe; give the path of a file.")
    return stat.S_ISREG(mode)


def open_log(path: Path) -> TextIO:
    """Open a log to append to; raise `OSError`, also for a pipe that lies there since it was looked at.

    A line that a full disk cut short is ended first, so that the next event is one.
    """
    if path.as_posix() in OWN_OUTPUT:
        return open(path, "a", encoding="utf-8")
    path = path.resolve()
    cut_short = _is_cut_short(path)
    log = open(path, "a", encoding="utf-8", opener=_opener)  # noqa: SIM115  who asked closes it
    if cut_short:
        log.write("\n")
    return log


def _is_cut_short(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) not in (b"\n", b"")
    except OSError:  # empty, or not to be read
        return False


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | NEITHER_LINK_NOR_PIPE, 0o666)


def _holds_events(path: Path) -> bool:
    """Return whether a file is empty, or its first line is an event; one that may not be read is taken for a log."""
    try:
        with path.open("rb") as file:
            line = file.readline(LONGEST_EVENT)
    except OSError:
        return True
    try:
        event = json.loads(line) if line.strip() else {"event": None}
    except ValueError:
        return False
    return isinstance(event, dict) and "event" in event
