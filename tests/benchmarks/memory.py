"""Compare the memory of a long and a short scan: python tests/benchmarks/memory.py [--few 500] [--many 10000] [--fake].

Both are `gdest scan` with all outputs on, in a process of its own, of micrographs of 240x230 px. With `--fake` a fake
replaces the network, whose memory is the same for any number of files: what is left is what grows. Prints the
most memory that each process had resident, and the ratio.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kill_scan import FAKE_SCAN, write_micrographs


def most_megabytes(count: int, fake: bool) -> float:
    """Return the most memory that a scan of so many micrographs had resident."""
    with tempfile.TemporaryDirectory() as temporary:
        root, out = Path(temporary, "archive"), Path(temporary, "out")
        write_micrographs(root, count)
        began = time.monotonic()
        command = [sys.executable, "-m", "gdest", "scan", str(root), "--out", str(out), "--quiet"]
        if fake:
            command = [sys.executable, str(FAKE_SCAN), str(root), str(out), "0"]
        scan = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        _, status, spent = os.wait4(scan.pid, 0)
        wanted = 0 if fake else 3  # to the network noise is for review
        assert os.waitstatus_to_exitcode(status) == wanted, f"the scan ended with {status}"
        cpu = spent.ru_utime + spent.ru_stime
        print(
            f"{count} micrographs: {spent.ru_maxrss / 1024:.0f} MB, {time.monotonic() - began:.0f} s, {cpu:.0f} s CPU"
        )
        return spent.ru_maxrss / 1024


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=500)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--fake", action="store_true")
    options = parser.parse_args()
    few, many = (most_megabytes(count, options.fake) for count in (options.few, options.many))
    print(f"ratio: {many / few:.2f}")


if __name__ == "__main__":
    main()
