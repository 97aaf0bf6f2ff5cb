"""Read the microscopes' own formats in a process that a damaged file may crash, hang or fill.

`vendor_pool` starts it and asks it; each answer has a limit on its processor time and memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from gdest.core import Connection, MicrographError, PassingError
from gdest.reading.decoders import decoding, prepare_decoders
from gdest.reading.page import Page
from gdest.reading.process_limits import limit, limits_are_kept, write_no_core
from gdest.reading.vendor import pages_of

OPEN_CPU_S, CPU_S_PER_BYTE, CPU_S_PER_PX = 2, 2e-8, 0.5e-6
"""The processor time that an answer may take: so much, more for each byte of the file, or for each pixel decoded."""

BASE_BYTES, BYTES_PER_PIXEL_BYTE = 700_000_000, 4
"""The memory that the process may take: so much, and so many copies of the pixels decoded."""


def serve(connection: Connection) -> None:
    """Answer requests until the other side is gone.

    ("open", path) and ("next",) are answered by ("answer", None or the fields of a page); ("pixels", number[, top,
    bottom]) by ("pixels", (shape, dtype)) and then the bytes; any of them by ("failed", (sentence, whether the fault
    may pass)). Where the system
    keeps no limits, ("limits", (processor seconds, bytes)) comes first, for the other side to keep.
    """
    prepare_decoders()
    write_no_core()
    pages: Iterator[Page] = iter(())
    seen: list[Page] = []
    open_s: float = OPEN_CPU_S
    while True:
        try:
            kind, *request = connection.recv()
        except EOFError:
            return
        try:
            with decoding():
                if kind == "open":
                    pages, seen = pages_of(request[0]), []
                    open_s = OPEN_CPU_S + CPU_S_PER_BYTE * request[0].stat().st_size
                    answer: Any = None
                elif kind == "next":
                    _limit(connection, open_s, 0)
                    page = next(pages, None)
                    seen += [page] if page else []
                    answer = page and _fields(page)
                else:
                    _send_pixels(connection, seen[request[0]], request[1:])
                    continue
        except MicrographError as error:
            # the memory that is too small is that of the limits, which will be the same
            may_pass = isinstance(error, PassingError) and not isinstance(error.__cause__, MemoryError)
            connection.send(("failed", (str(error), may_pass)))
        else:
            connection.send(("answer", answer))


def _fields(page: Page) -> tuple[Any, ...]:
    return page.rows, page.cols, page.pixel_sizes, page.decode_rows is not None, page.pixel_bytes


def _send_pixels(connection: Connection, page: Page, rows: list[int]) -> None:
    """Decode all rows, or those from top to bottom, and send them."""
    count = (rows[1] - rows[0] if rows else page.rows) * page.cols
    _limit(connection, OPEN_CPU_S + CPU_S_PER_PX * count, count * int(max(page.pixel_bytes, 4)))
    raw = np.ascontiguousarray(page.decode_rows(*rows) if rows and page.decode_rows else page.decode())
    if raw.dtype.hasobject:
        raise MicrographError("cannot decode: its pixels are not numbers")
    connection.send(("pixels", (raw.shape, raw.dtype)))
    if raw.size:
        connection.send_bytes(raw.reshape(-1).view(np.uint8).data)


def _limit(connection: Connection, cpu_s: float, pixel_bytes: int) -> None:
    """Limit processor time and memory of this process to what the next answer needs."""
    data_bytes = BASE_BYTES + BYTES_PER_PIXEL_BYTE * pixel_bytes
    if limits_are_kept():
        limit(cpu_s, data_bytes)
    else:
        connection.send(("limits", (cpu_s, data_bytes)))


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
