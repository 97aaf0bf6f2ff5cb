"""Lend processes that read the microscopes' own formats, one to a file at a time.

The vendors' libraries are large and partly compiled; damaged bytes make them loop for ever (a circular chain of
sectors in an OIB), ask for all the memory, or end the process. In a process of their own that costs one file its row.
"""

from __future__ import annotations

import atexit
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from gdest.core import MicrographError, PassingError, start_python
from gdest.reading.page import Page
from gdest.reading.process_limits import DOES_NOT_FINISH, Watched
from gdest.reading.vendor import READERS

LONGEST_WAIT_S = 300.0
"""An answer has a limit on its processor time; one that waits for something else ends after this."""

SECONDS_BETWEEN_LOOKS = 0.1
"""How often a process is looked at that has no limits of its own; in that time it may take some 100 MB too much."""

MOST_IDLE = 8
"""Processes that are kept for the next file: as many as files are under way."""


class VendorProcess:
    """A process that reads one file after another; only `VendorPool` starts and ends one."""

    def __init__(self) -> None:
        self.process, self._connection = start_python("-m", "gdest.reading.vendor_process", quiet=True)
        self.waiting = False

    def ask(self, *request: Any) -> Any:
        """Send a request and return its answer; pixels are not pickled. Raises `MicrographError`."""
        self.waiting = True
        try:
            self._connection.send(request)
            kind, answer = self._answer()
            if kind == "pixels":
                raw = np.empty(answer[0], answer[1])
                if raw.size:
                    self._connection.recv_bytes_into(raw.reshape(-1).view(np.uint8))
                answer = raw
        except (EOFError, OSError) as error:
            raise _how_it_ended(self.process) from error
        self.waiting = False
        if kind == "failed":
            sentence, may_pass = answer
            raise PassingError(sentence) if may_pass else MicrographError(sentence)
        return answer

    def _answer(self) -> Any:
        """Return the next answer; end a process that its own system does not limit, and that takes too much."""
        end, watched = time.monotonic() + LONGEST_WAIT_S, None
        while True:
            left = end - time.monotonic()
            if self._connection.poll(left if watched is None else min(left, SECONDS_BETWEEN_LOOKS)):
                kind, answer = self._connection.recv()
                if kind != "limits":
                    return kind, answer
                watched = Watched(self.process.pid, *answer)
            elif left <= 0:
                raise PassingError("cannot decode: its reader gives no answer")
            elif watched and (why := watched.excess()):
                raise MicrographError(why)

    @property
    def is_ready(self) -> bool:
        """Return whether the process lives and owes no answer."""
        return not self.waiting and self.process.poll() is None

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self._connection.close()


def _how_it_ended(process: subprocess.Popen[bytes]) -> MicrographError:
    code = process.wait()
    if code == -getattr(signal, "SIGXCPU", 0):
        return MicrographError(f"cannot decode: its reader {DOES_NOT_FINISH}")
    ended = f"crashed (signal {-code})" if code < 0 else f"ended (exit code {code})"
    # a system that runs out of memory kills one process or another
    kind = PassingError if code == -getattr(signal, "SIGKILL", 0) else MicrographError
    return kind(f"cannot decode: its reader {ended}")


class VendorFile:
    """Hold a file that is open in a vendor process, until the process is given back; threads may share it.

    A page of a file that is closed raises `MicrographError`: the process may be reading another file by then.
    """

    def __init__(self, process: VendorProcess) -> None:
        self._process, self._is_open = process, True
        self._lock = RLock()  # the garbage collector may close the file in the thread that asks

    def ask(self, *request: Any) -> Any:
        """Return the answer to a request, of one thread after another."""
        with self._lock:
            if not self._is_open:
                raise MicrographError("cannot decode: its file is closed")
            return self._process.ask(*request)

    @property
    def can_be_asked(self) -> bool:
        """Return whether the file is open and owes no answer; a process that died says so when it is asked."""
        return self._is_open and not self._process.waiting

    def close(self) -> None:
        """Let go of the process, once no thread is asking it."""
        with self._lock:
            self._is_open = False


class VendorPool:
    """Own the vendor processes: start one where none is idle, lend it to one file at a time, and end it.

    A process that is still lent when gdest itself ends sees its connection close, and ends then.
    """

    def __init__(self) -> None:
        self._idle: list[VendorProcess] = []
        # kept here, since a connection that is garbage with the generator that uses it may be closed before that
        self._lent: set[VendorProcess] = set()
        self._lock = RLock()
        self._ends_with_us = False

    @contextmanager
    def open(self, path: Path) -> Iterator[VendorFile]:
        """Lend a process that has a file open."""
        process = self._take() or self._started()
        file = VendorFile(process)
        with self._lock:
            self._lent.add(process)
        try:
            file.ask("open", path)
            yield file
        finally:
            file.close()
            if not self._keep(process):
                process.end()

    def close(self) -> None:
        """End the processes that are idle."""
        while (process := self._take()) is not None:
            process.end()

    def _started(self) -> VendorProcess:
        with self._lock:
            if not self._ends_with_us:
                atexit.register(self.close)
                self._ends_with_us = True
        return VendorProcess()

    def _take(self) -> VendorProcess | None:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.is_ready:
                    return process
                process.end()  # it died while it was idle
        return None

    def _keep(self, process: VendorProcess) -> bool:
        with self._lock:
            self._lent.discard(process)
            keep = process.is_ready and len(self._idle) < MOST_IDLE
            if keep:
                self._idle.append(process)
        return keep


POOL = VendorPool()


def vendor_pages(path: Path) -> Iterator[Page]:
    """Yield the scenes or positions of a vendor's file, of a stack the first plane.

    Raises `MicrographError` when the reader is not installed, or does not survive the file.
    """
    maker, module, _ = READERS[path.suffix.lower()]
    if find_spec(module.split(".")[0]) is None:
        raise PassingError(f"{maker} needs the extra readers: pip install 'gdest[vendor]'")
    with POOL.open(path) as file:
        number = 0
        # a reader that died of one page tells nothing of the others
        while file.can_be_asked and (fields := file.ask("next")) is not None:
            rows, cols, pixel_sizes, in_rows, pixel_bytes = fields
            decode = partial(file.ask, "pixels", number)
            yield Page(rows, cols, pixel_sizes, decode, decode if in_rows else None, pixel_bytes)
            number += 1
