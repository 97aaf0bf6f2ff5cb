"""Let one scan or study at a time write into an output folder."""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import lock_descriptor

from gdest.core import LOCK, OutputError, as_output_error, is_read_only, now, printable
from gdest.scan.log_file import NEITHER_LINK_NOR_PIPE

LOCKED_BYTE = b" "
"""The first byte of a lock: on Windows nobody else can read it while it is held."""

LONGEST_HOLDER = 4096
LONGEST_TOLD = 200


@contextmanager
def output_lock(out: Path) -> Iterator[None]:
    """Lock the output folder, made if missing; the system unlocks it however the process ends.

    Raises `OutputError` with the process, host and start time of the gdest that has locked it already, and for
    something else in the place of the lock, which is not written into.
    """
    with as_output_error(out):
        out.mkdir(parents=True, exist_ok=True)
        require_ours(out, LOCK)
    handle = _opened(out / LOCK)
    try:
        _take(handle, out)
        with as_output_error(out / LOCK):
            is_lock = _is_of_a_lock(handle)
        if not is_lock:
            raise _foreign(out / LOCK)
        holder = {"process": os.getpid(), "host": socket.gethostname(), "since": now()}
        with as_output_error(out / LOCK):
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, LOCKED_BYTE + json.dumps(holder).encode())
        yield
    finally:
        os.close(handle)


def require_ours(out: Path, *names: str) -> None:
    """Raise `OutputError` where an output folder, or something in it, belongs to another user and may not be written.

    It is told before any work, and with what makes it right for all files at once: their modes follow the umask.
    """
    if sys.platform == "win32" or is_read_only(out):  # no such modes, or another reason
        return
    for path in (out, *(out / name for name in names)):
        if path.exists() and not os.access(path, os.W_OK):
            raise OutputError(
                f"{path} belongs to {_owner(path)}, and you may not write it. Once, its owner lets a group of you both "
                f"write: chgrp -R GROUP {out}; chmod -R g+rwX {out}. Then scan with umask 002: gdest manual nightly."
            )


def _owner(path: Path) -> str:
    if sys.platform == "win32":
        return "another user"
    try:
        return path.owner()
    except KeyError:
        return f"user {path.stat().st_uid}"


def _take(handle: int, out: Path) -> None:
    """Lock an open file; raise `OutputError` where another has, and, told apart, where its disk knows no locks."""
    try:
        is_taken = lock_descriptor(handle, blocking=False)
    except OSError as error:
        raise OutputError(f"{out} cannot be locked ({error.strerror}); choose an --out on another disk.") from error
    if not is_taken:
        raise OutputError(f"{out} is being written by another gdest ({_holder(handle)}); wait for it.")


def _opened(path: Path) -> int:
    """Open the lock, made if missing; a link is not followed, since what it names would be overwritten."""
    with as_output_error(path):
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise _foreign(path)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | NEITHER_LINK_NOR_PIPE, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _foreign(path)
    return handle


def _is_of_a_lock(handle: int) -> bool:
    """Return whether a file holds what a lock does; a backup may have linked it, but nobody links an empty one."""
    content = _read(handle, 0).strip(b"\0")  # a power cut leaves zeros
    if not content:
        return os.fstat(handle).st_nlink <= 1 and os.fstat(handle).st_size <= LONGEST_HOLDER
    try:
        return "process" in json.loads(content)
    except (ValueError, TypeError):
        return False


def _foreign(path: Path) -> OutputError:
    return OutputError(f"{path} is not a lock that gdest wrote; remove it, or choose another --out.")


def _holder(handle: int) -> str:
    try:
        words = _read(handle, len(LOCKED_BYTE))
        holder = json.loads(words if words.startswith(b"{") else b"{" + words)  # an earlier gdest locked the brace
        return printable(f"process {holder['process']} on {holder['host']} since {holder['since']}")[:LONGEST_TOLD]
    except (OSError, ValueError, KeyError, TypeError):
        return "which has only just begun"


def _read(handle: int, start: int) -> bytes:
    os.lseek(handle, start, os.SEEK_SET)
    return os.read(handle, LONGEST_HOLDER)
