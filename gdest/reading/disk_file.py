"""Read a file so that each read is progress, and that an error of its disk is known, whatever a decoder makes of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from gdest.core import heartbeat


class DiskFile(io.BufferedReader):
    """Read a file of the archive.

    A decoder may take an error of the disk for the end of the file, and say that it is damaged or has fewer pages.
    """

    def __init__(self, path: Path) -> None:
        self._disk = _Disk(path)
        super().__init__(self._disk)

    def error_of_disk(self) -> OSError | None:
        """Return what the disk has answered since the last time, None where it did as it should."""
        error, self._disk.error = self._disk.error, None
        return error

    def check(self) -> None:
        """Raise what the disk has answered since the last time."""
        if error := self.error_of_disk():
            raise error


class _Disk(io.FileIO):
    error: OSError | None = None

    def readinto(self, buffer: Any) -> int:
        try:
            count = super().readinto(buffer)
        except OSError as error:
            self.error = error
            raise
        heartbeat()
        return count or 0

    def readall(self) -> bytes:
        try:
            return super().readall()
        except OSError as error:
            self.error = error
            raise
        finally:
            heartbeat()
