"""Let one scan or study at a time write into an output folder."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gdest.core import LOCK, OutputError, as_output_error, now

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What a file system answers that knows no locks."""


@contextmanager
def output_lock(out: Path) -> Iterator[None]:
    """Lock the output folder, made if missing; the system unlocks it however the process ends.

    Raises `OutputError` with the process, host and start time of the gdest that has locked it already.
    """
    with as_output_error(out):
        out.mkdir(parents=True, exist_ok=True)
        # a link is not followed: what it names would be overwritten
        handle = os.open(out / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in UNSUPPORTED:
                raise OutputError(
                    f"{out} cannot be locked ({error.strerror}); choose an --out on another disk."
                ) from error
            raise OutputError(f"{out} is being written by another gdest ({_holder(handle)}); wait for it.") from error
        holder = {"process": os.getpid(), "host": socket.gethostname(), "since": now()}
        with as_output_error(out / LOCK):
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
        return f"process {holder['process']} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "which has only just begun"
