"""Damage valid files of every format thousands of times; each must be read or named, fast and in little memory.

    python tests/benchmarks/fuzz.py --count 20000
    python tests/benchmarks/fuzz.py --count 5000 --only '*.czi' --only '*.nd2'
    python tests/benchmarks/fuzz.py --atheris 60     # coverage-guided instead, for so many seconds

The microscopes' own formats are among them where their readers are installed (`pip install 'gdest[vendor]'`).
The mutants are read in a process of its own with a limit on its memory; one that crashes it, or is not
done in ten seconds, is counted and its seed named. The exit code is 1 when there was any.
"""

from __future__ import annotations

import argparse
import collections
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))  # the helpers
if "--atheris" in sys.argv:  # instrumented as they are imported, before anything else does
    import atheris

    with atheris.instrument_imports(include=["gdest.reading", "tifffile"]):
        import tifffile  # noqa: F401

        import gdest.reading.micrograph  # noqa: F401

from helpers.damaged_files import SOURCES, lay_out, mutate, valid

from gdest.core.records import ImageFile, Micrograph
from gdest.core.settings import GradeSettings
from gdest.reading.decoders import prepare_decoders
from gdest.reading.micrograph import read_micrographs

LONGEST_S, MOST_BYTES = 10.0, 1 << 30


def read(path: Path) -> str:
    """Return `read` or `named`; anything else that happens is a defect."""
    rows = list(read_micrographs(ImageFile(path, path.name), GradeSettings()))
    for row in rows:
        if not isinstance(row, Micrograph) and (not row.reason or "\n" in row.reason):
            raise AssertionError(f"no clear sentence: {row.reason!r}")
    return "read" if any(isinstance(row, Micrograph) for row in rows) else "named"


def work(first: int, last: int, folder: Path, only: list[str]) -> None:
    """Read the mutants of some seeds; print one line for each."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    prepare_decoders()
    sources = {name: valid(name) for name in SOURCES if any(fnmatch(name, glob) for glob in only)}
    (folder / "whole.tif").write_bytes(valid("plain.tif"))
    read(folder / "whole.tif")  # so that no mutant is charged with the imports
    for seed in range(first, last):
        name = sorted(sources)[seed % len(sources)]
        path = lay_out(folder, name, mutate(sources[name], np.random.default_rng(seed)))
        began = time.monotonic()
        try:
            outcome = read(path)
        except Exception as error:
            outcome = f"raised:{type(error).__name__}:{str(error)[:80]}".replace("\n", " ")
        # the microscopes' own formats are read by a child, whose memory counts once it has ended
        mb = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) >> 10
        print(seed, f"{time.monotonic() - began:.3f}", mb, outcome, flush=True)


def watch(first: int, last: int, folder: Path, only: list[str]) -> list[tuple[int, float, int, str]]:
    """Run the work in another process, again after the seed that crashed or hung it."""
    found: list[tuple[int, float, int, str]] = []
    while first < last:
        command = [sys.executable, __file__, "--work", str(first), str(last), str(folder)]
        command += [word for glob in only for word in ("--only", glob)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            waited = 60.0  # the imports
            while select.select([process.stdout], [], [], waited)[0]:
                line = process.stdout.readline().decode()
                if not line:
                    break
                seed, seconds, mb, outcome = line.split(maxsplit=3)
                found.append((int(seed), float(seconds), int(mb), outcome.strip()))
                first, waited = int(seed) + 1, LONGEST_S + 2.0
                if len(found) % 2000 == 0:
                    print(f"{len(found)} mutants", flush=True)
            done = process.poll() == 0 or (first >= last)
            process.kill()
        if not done and first < last:
            found.append((first, LONGEST_S, 0, f"crashed or hung (exit {process.returncode})"))
            first += 1
    return found


def run_atheris(seconds: int) -> None:
    """Let libFuzzer look for inputs that reach new code."""
    folder = Path(tempfile.mkdtemp())
    corpus = folder / "corpus"
    corpus.mkdir()
    for name in SOURCES:
        (corpus / name).write_bytes(valid(name))

    def one(content: bytes) -> None:
        (folder / "a.tif").write_bytes(content)
        read(folder / "a.tif")

    limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024", "-max_len=200000"]
    atheris.Setup([sys.argv[0], str(corpus), *limits], one)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", action="append", metavar="GLOB", help="of all files those of such names")
    parser.add_argument("--atheris", type=int, metavar="SECONDS")
    parser.add_argument("--work", nargs=3, metavar=("FIRST", "LAST", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(int(given.work[0]), int(given.work[1]), Path(given.work[2]), given.only or ["*"])
        return 0
    if given.atheris:
        run_atheris(given.atheris)
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = watch(given.first, given.first + given.count, Path(folder), given.only or ["*"])
    kinds = collections.Counter(outcome.split(":")[0] for *_, outcome in found)
    files = " ".join(given.only) if given.only else f"{len(SOURCES)} files"
    print(f"{len(found)} mutants of {files} in {time.monotonic() - began:.0f} s: {dict(kinds)}")
    slow = max(found, key=lambda row: row[1])
    print(f"slowest {slow[1]:.2f} s (seed {slow[0]}); most memory {max(row[2] for row in found)} MB")
    bad = [row for row in found if row[3] not in ("read", "named") or row[1] > LONGEST_S or row[2] > 1024]
    for seed, seconds, mb, outcome in bad[:20]:
        print(f"seed {seed}: {outcome}, {seconds:.1f} s, {mb} MB")
    return 1 if bad else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
