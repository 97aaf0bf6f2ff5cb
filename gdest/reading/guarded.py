"""Read the microscopes' own formats in a process apart, which a damaged file may crash, hang or fill.

Their libraries are large and partly compiled; bytes that are damaged make them loop for ever (a circular chain of
sectors in an OIB), ask for all the memory, or end the process. Here that costs one file its row.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from gdest.core import MicrographError
from gdest.reading.picture import Picture, Samples, decoding
from gdest.reading.vendor import READERS, pictures_of

OPEN_CPU_S, CPU_S_PER_BYTE, CPU_S_PER_PX = 2, 2e-8, 0.5e-6
"""The processor time that an answer may take: so much, more for each byte of the file, or for each pixel decoded."""

BASE_BYTES, BYTES_PER_SAMPLE_BYTE = 700_000_000, 4
"""The memory that the process may take: so much, and so many copies of the pixels decoded."""

LONGEST_WAIT_S = 300.0
MOST_IDLE = 8

_idle: list[Reader] = []
_idle_lock = Lock()


class Reader:
    """A process that reads one file after another; `ask` raises `MicrographError` when it comes to grief."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "gdest.reading.guarded", str(theirs.fileno())]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        nowhere = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment,
            stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True,
        )  # fmt: skip
        theirs.close()
        self.connection = Connection(ours.detach())
        self.waiting = False

    def ask(self, *request: Any) -> Any:
        """Send a request and return its answer; samples come as they are, without being packed."""
        self.waiting = True
        try:
            self.connection.send(request)
            if not self.connection.poll(LONGEST_WAIT_S):
                raise MicrographError("cannot decode: its reader gives no answer")
            kind, answer = self.connection.recv()
            if kind == "samples":
                samples = np.empty(answer[0], answer[1])
                if samples.size:
                    self.connection.recv_bytes_into(samples.reshape(-1).view(np.uint8))
                answer = samples
        except (EOFError, OSError) as error:
            raise MicrographError(f"cannot decode: its reader {_how_it_ended(self.process)}") from error
        self.waiting = False
        if kind == "failed":
            raise MicrographError(answer)
        return answer

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self.connection.close()


def _how_it_ended(process: subprocess.Popen[bytes]) -> str:
    code = process.wait()
    if code == -signal.SIGXCPU:
        return "finds no end"
    return f"crashed (signal {-code})" if code < 0 else f"ended (exit code {code})"


def vendor_pictures(path: Path) -> Iterator[Picture]:
    """Yield the scenes or positions of a vendor's file, of a stack the first plane.

    Raises `MicrographError` when the reader is not installed, or does not survive the file.
    """
    maker, module, _ = READERS[path.suffix.lower()]
    if find_spec(module.split(".")[0]) is None:
        raise MicrographError(f"{maker} needs the extra readers: pip install 'gdest[vendor]'")
    with _idle_lock:
        reader = _idle.pop() if _idle else None
    reader = reader or Reader()
    try:
        reader.ask("open", path)
        number = 0
        # a reader that died of one picture tells nothing of the others
        while not reader.waiting and (told := reader.ask("next")) is not None:
            rows, cols, sizes, in_bands, sample_bytes = told
            band = partial(reader.ask, "samples", number) if in_bands else None
            yield Picture(rows, cols, sizes, partial(reader.ask, "samples", number), band, sample_bytes)
            number += 1
    finally:
        with _idle_lock:
            keep = not reader.waiting and reader.process.poll() is None and len(_idle) < MOST_IDLE
            if keep:
                _idle.append(reader)
        if not keep:
            reader.end()


def serve(connection: Connection) -> None:
    """Answer requests until the other side is gone."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pictures: Iterator[Picture] = iter(())
    seen: list[Picture] = []
    open_s: float = OPEN_CPU_S
    while True:
        try:
            kind, *request = connection.recv()
        except EOFError:
            return
        try:
            with decoding():
                if kind == "open":
                    pictures, seen = pictures_of(request[0]), []
                    open_s = OPEN_CPU_S + CPU_S_PER_BYTE * request[0].stat().st_size
                    answer: Any = None
                elif kind == "next":
                    _allow(open_s, 0)
                    picture = next(pictures, None)
                    seen += [picture] if picture else []
                    answer = picture and _told(picture)
                else:
                    _send_samples(connection, seen[request[0]], request[1:])
                    continue
        except MicrographError as error:
            connection.send(("failed", str(error)))
        else:
            connection.send(("told", answer))


def _told(picture: Picture) -> tuple[Any, ...]:
    return picture.rows, picture.cols, picture.sizes, picture.band is not None, picture.sample_bytes


def _send_samples(connection: Connection, picture: Picture, rows: list[int]) -> None:
    """Decode all rows, or those from top to bottom, and send them."""
    count = (rows[1] - rows[0] if rows else picture.rows) * picture.cols
    _allow(OPEN_CPU_S + CPU_S_PER_PX * count, count * max(picture.sample_bytes, 4))
    samples: Samples = np.ascontiguousarray(picture.band(*rows) if rows and picture.band else picture.decode())
    if samples.dtype.hasobject:
        raise MicrographError("cannot decode: its pixels are no numbers")
    connection.send(("samples", (samples.shape, samples.dtype)))
    if samples.size:
        connection.send_bytes(samples.reshape(-1).view(np.uint8).data)


def _allow(cpu_s: float, sample_bytes: int) -> None:
    """Limit processor time and memory of this process to what the next answer needs."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limits = {
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime + cpu_s) + 1,
        resource.RLIMIT_DATA: BASE_BYTES + BYTES_PER_SAMPLE_BYTE * sample_bytes,
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
