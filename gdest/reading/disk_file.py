"""Read a file so that each read is progress, and that what its disk or its clock says is known to its reader.

A decoder may take an error of the disk for the end of the file, and say that it is damaged or has fewer pages.
"""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

from gdest.core import MicrographError, heartbeat

OPEN_CPU_S, CPU_S_PER_BYTE = 10.0, 5e-7
"""The processor time that finding the pages of a file may take: so much, and more for each byte. The largest real
panorama (1.5 GB) took 2 s; 100,000 tables of pages in 11 MB took 43 s."""

PAGE_CPU_S, CPU_S_PER_PX = 2.0, 2e-6
"""What each page may add; real ones take 0.01 s and 0.3 us a pixel."""


class DiskFile(io.BufferedReader):
    """Read a file of the archive, in no more processor time than is allowed."""

    def __init__(self, path: Path) -> None:
        self._disk = _Disk(path)
        super().__init__(self._disk)

    def allow(self, cpu_s: float) -> None:
        """Let reading in this thread take so many more seconds of processor time, counted from the first time on."""
        disk = self._disk
        disk.ends_at = (time.thread_time() if disk.ends_at is None else disk.ends_at) + cpu_s

    def pause(self) -> float:
        """Stop the clock while others use what was read; return the seconds that are left, for `allow` afterwards."""
        ends_at, self._disk.ends_at = self._disk.ends_at, None
        return 0.0 if ends_at is None else ends_at - time.thread_time()

    @property
    def has_ended(self) -> bool:
        """Return whether reading has taken all of its time."""
        return self._disk.has_ended

    def fault(self) -> OSError | MicrographError | None:
        """Return what the disk or the clock has said since the last time, None where all was well."""
        fault, self._disk.fault = self._disk.fault, None
        return fault

    def check(self) -> None:
        """Raise what the disk or the clock has said since the last time."""
        if fault := self.fault():
            raise fault


class _Disk(io.FileIO):
    fault: OSError | MicrographError | None = None
    ends_at: float | None = None
    """The `time.thread_time` at which the reader has had enough; None while it is not counted."""
    has_ended = False

    def readinto(self, buffer: Any) -> int:
        self._check_clock()
        try:
            count = super().readinto(buffer)
        except OSError as error:
            self.fault = error
            raise
        heartbeat()
        return count or 0

    def readall(self) -> bytes:
        self._check_clock()
        try:
            return super().readall()
        except OSError as error:
            self.fault = error
            raise
        finally:
            heartbeat()

    def _check_clock(self) -> None:
        if self.ends_at is not None and time.thread_time() > self.ends_at:
            self.has_ended = True
            self.fault = MicrographError("cannot decode: it takes more processor time than its size allows")
            raise self.fault
