"""Let one scan or study at a time write into an output folder."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gdest.core import LOCK, OutputError, as_output_error, now, printable

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What a file system answers that knows no locks."""

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
    handle = _opened(out / LOCK)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in UNSUPPORTED:
                raise OutputError(
                    f"{out} cannot be locked ({error.strerror}); choose an --out on another disk."
                ) from error
            raise OutputError(f"{out} is being written by another gdest ({_holder(handle)}); wait for it.") from error
        with as_output_error(out / LOCK):
            is_lock = _is_of_a_lock(handle)
        if not is_lock:
            raise _foreign(out / LOCK)
        holder = {"process": os.getpid(), "host": socket.gethostname(), "since": now()}
        with as_output_error(out / LOCK):
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    """Open the lock, made if missing; a link is not followed, since what it names would be overwritten."""
    with as_output_error(path):
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise _foreign(path)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _foreign(path)
    return handle


def _is_of_a_lock(handle: int) -> bool:
    """Return whether a file holds what a lock does; a backup may have linked it, but nobody links an empty one."""
    content = os.pread(handle, LONGEST_HOLDER, 0).strip(b"\0")  # a power cut leaves zeros
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
        holder = json.loads(os.pread(handle, LONGEST_HOLDER, 0))
        return printable(f"process {holder['process']} on {holder['host']} since {holder['since']}")[:LONGEST_TOLD]
    except (ValueError, KeyError, TypeError):
        return "which has only just begun"
