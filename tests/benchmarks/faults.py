"""Let a chosen call into the system fail in this process, as a disk or a share that gives out does.

Counted are the calls on paths below one folder: what is written and read through `open` is counted where Python hands
it to the system, after its buffers. SQLite, which calls the system by itself, fails in whole statements and commits.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import sqlite3
import threading
from collections import Counter
from pathlib import Path
from typing import Any

ERRORS = ("EIO", "ENOSPC", "EROFS", "EDQUOT", "ESTALE")
KINDS = ("write", "fsync", "rename", "open", "read", "mkdir", "unlink", "list", "commit", "statement")
OF_SQLITE = {"ENOSPC": "database or disk is full", "EROFS": "attempt to write a readonly database"}
CODES = {"ENOSPC": sqlite3.SQLITE_FULL, "EROFS": sqlite3.SQLITE_READONLY}


class Faults:
    """Count the calls of each kind below a folder, and let the n-th of one kind fail, or that and all later ones."""

    def __init__(self, below: Path, kind: str = "", number: int = 0, error: str = "EIO", *, lasting: bool = False):
        self.below, self.kind, self.number, self.error, self.lasting = str(below), kind, number, error, lasting
        self.counts: Counter[str] = Counter()
        self._one_at_a_time = threading.Lock()

    def pass_by(self, kind: str, path: object) -> None:
        """Count a call; raise the error where it is the chosen one."""
        if self._fails(kind, path):
            code = getattr(errno, self.error)
            raise OSError(code, os.strerror(code), str(path))

    def pass_by_sqlite(self, statement: str, path: object) -> None:
        """Count a statement of SQLite; raise its error where it is the chosen one."""
        if self._fails("commit" if statement.startswith("COMMIT") else "statement", path):
            failure = sqlite3.OperationalError(OF_SQLITE.get(self.error, "disk I/O error"))
            failure.sqlite_errorcode = CODES.get(self.error, sqlite3.SQLITE_IOERR)
            raise failure

    def _fails(self, kind: str, path: object) -> bool:
        if isinstance(path, int):
            path = _path_of(path)
        if not isinstance(path, (str, os.PathLike)) or not str(path).startswith(self.below):
            return False
        with self._one_at_a_time:
            self.counts[kind] += 1
            count = self.counts[kind]
        return kind == self.kind and (count >= self.number if self.lasting else count == self.number)

    def install(self) -> None:
        """Let every later call of this process pass by here."""
        for name, kind in (
            *(("fsync", "fsync"), ("replace", "rename"), ("rename", "rename"), ("open", "open"), ("read", "read")),
            *(("write", "write"), ("pwrite", "write"), ("pread", "read"), ("mkdir", "mkdir"), ("unlink", "unlink")),
            *(("remove", "unlink"), ("scandir", "list"), ("listdir", "list")),
        ):
            setattr(os, name, self._counted(kind, getattr(os, name)))
        builtins.open = io.open = self._open  # type: ignore[assignment]
        connect = sqlite3.connect
        faults = self

        class Connection(sqlite3.Connection):
            path = ""

            def execute(self, words: str, *values: Any) -> sqlite3.Cursor:
                faults.pass_by_sqlite(words, self.path)
                return super().execute(words, *values)

        def connected(name: str, *arguments: Any, **how: Any) -> sqlite3.Connection:
            connection = connect(name, *arguments, factory=Connection, **how)
            connection.path = str(name).removeprefix("file:").partition("?")[0]  # type: ignore[attr-defined]
            return connection

        sqlite3.connect = connected  # type: ignore[assignment]

    def _counted(self, kind: str, call: Any) -> Any:
        def counted(path: Any = ".", *arguments: Any, **named: Any) -> Any:
            self.pass_by(kind, path)
            return call(path, *arguments, **named)

        return counted

    def _open(self, file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
        """Do what `open` does, with a raw file whose reads and writes pass by here."""
        names = ("encoding", "errors", "newline", "closefd", "opener")
        how = dict(zip(names, rest, strict=False)) | named
        path = _path_of(file) if isinstance(file, int) else os.fspath(file)
        if not str(path).startswith(self.below):
            return _REAL_OPEN(file, mode, buffering, **how)
        self.pass_by("open", path)
        raw = _Raw(self, str(path), file, mode.replace("b", "").replace("t", ""), how)
        buffered: Any = raw
        if buffering != 0:
            kind = io.BufferedRandom if "+" in mode else io.BufferedReader if mode[0] == "r" else io.BufferedWriter
            buffered = kind(raw)
        if "b" in mode:
            return buffered
        text = {name: how.get(name) for name in ("encoding", "errors", "newline")}
        return io.TextIOWrapper(buffered, **text, line_buffering=buffering == 1)


_REAL_OPEN = open


class _Raw(io.FileIO):
    """Hold an open file of which each read and write is counted."""

    def __init__(self, faults: Faults, path: str, file: Any, mode: str, how: dict[str, Any]) -> None:
        super().__init__(file, mode, how.get("closefd", True), how.get("opener"))
        self._faults, self._path = faults, path

    def write(self, content: Any) -> int:
        """Write, or write half and fail, as a full disk does."""
        try:
            self._faults.pass_by("write", self._path)
        except OSError:
            super().write(memoryview(content).cast("B")[: len(memoryview(content).cast("B")) // 2])
            raise
        return super().write(content)

    def readinto(self, buffer: Any) -> int:
        """Read, or fail."""
        self._faults.pass_by("read", self._path)
        return super().readinto(buffer)

    def readall(self) -> bytes:
        """Read all, or fail."""
        self._faults.pass_by("read", self._path)
        return super().readall()

    def read(self, size: int = -1) -> bytes:
        """Read, or fail."""
        self._faults.pass_by("read", self._path)
        return super().read(size)


def _path_of(handle: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{handle}")
    except OSError:
        return ""
