"""Time a scan of an unchanged archive: python tests/benchmarks/many_files.py [--count 100000] [--work FOLDER].

The archive holds real, empty files; the ledger is filled directly with grades and maps, the pictures are there (empty),
and the reports marked as written, as a first scan would have left them. The scans are the real command with the bundled
weights; the first one after the archive was made, and a second one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from simulated_archive import fill_ledger, make_files, simulated_job


def main() -> None:
    """Make the archive and its ledger, scan, print the seconds and the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--work", type=Path, help="a folder to make the archive in and to keep it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        root, out = work / "archive", work / "out"
        if not root.exists():
            make_files(root, options.count)
            fill_ledger(simulated_job(root, out), options.count, real=True)
        for _ in range(2):
            print(scan(root, out), flush=True)


def scan(root: Path, out: Path) -> str:
    """Return what a scan says of its plan, its seconds, and the most memory that it had resident."""
    began = time.monotonic()
    command = [sys.executable, "-m", "gdest", "scan", str(root), "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first, _ = process.stderr.readline(), process.stderr.read()
    _, _, spent = os.wait4(process.pid, 0)
    cpu, peak = spent.ru_utime + spent.ru_stime, spent.ru_maxrss / 1024
    return f"{first.strip()}: {time.monotonic() - began:.1f} s, {cpu:.1f} s of CPU, {peak:.0f} MB"


if __name__ == "__main__":
    main()
