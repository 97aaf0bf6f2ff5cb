"""Let one call after the other into the system fail during a scan, and compare: fault_scan.py [--most 40].

An archive of small micrographs with a fake network is scanned once undisturbed. Then, each time in a process of its
own, a scan, the writing of its reports and `gdest report` run while the n-th write, fsync, rename, open, read, mkdir,
unlink, listing, commit or statement of SQLite fails with EIO, ENOSPC, EROFS, EDQUOT or ESTALE, once or from then on.
After each: no traceback, an exit code of the manual with one sentence, no truncated picture, no half report; and the
next undisturbed scan gives the undisturbed results, rows and pictures. `--most` bounds the calls of each kind that are
let fail, spread over all of them; `--only KIND` takes one kind. The exit code is 1 when anything was found.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

sys.argv[1:], own = [], sys.argv[1:]
from fake_scan import Slow  # noqa: E402, F401  which replaces the network
from faults import ERRORS, KINDS, Faults  # noqa: E402
from kill_scan import write_micrographs  # noqa: E402
from PIL import Image  # noqa: E402

from gdest.cli import main as gdest  # noqa: E402
from gdest.core import read_table  # noqa: E402
from gdest.core.files import UNFINISHED  # noqa: E402
from gdest.reports import COLUMNS  # noqa: E402
from gdest.reports.every import REPORTS, SPECIMENS  # noqa: E402
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS  # noqa: E402

FILES = 6
SECONDS = 120
PHASES = ("scan", "export", "report")
ENDS = (0, 2, 3, 4)
"""The exit codes of a scan that an error of the system may end: all graded, error, some not, none graded."""


def run(words: list[str], faults: Faults, said: Path) -> int:
    """Run gdest with faults in a process of its own; return its exit code, -1 where it hangs."""
    child = os.fork()
    if child == 0:
        try:
            _be(words, faults, said)
        finally:
            os._exit(1)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def _be(words: list[str], faults: Faults, said: Path) -> None:
    """Become gdest, whose messages go into a file, with the number of its calls as the last line."""
    handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 2)
    code = 1
    try:
        sys.argv = ["gdest", *words]
        faults.install()
        gdest()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    with suppress(Exception):
        sys.stderr.flush()
    os.write(handle, f"\n{json.dumps(faults.counts)}".encode())
    os._exit(code)


class Trial:
    """Hold one archive, and what an undisturbed scan of it gives."""

    def __init__(self, folder: Path, said: Path) -> None:
        self.folder, self.root, self.said = folder, folder / "archive", said
        self.config = folder / "gdest.toml"
        self.config.write_text('[specimen]\nfolder = "parent"\n[[limit]]\nrule = "g >= 5"\n')
        write_micrographs(self.root, FILES)
        self.out = folder / "out"
        self.whole = folder / "whole"
        assert self.run("scan", self.whole, Faults(folder)) == 0, self.said.read_text()
        self.wanted = results(self.whole)

    def run(self, phase: str, out: Path, faults: Faults) -> int:
        """Scan, write the reports of a scan, or write reports again."""
        if phase == "report":
            return run(["report", str(out)], faults, self.said)
        return run(["scan", str(self.root), "--out", str(out), "--config", str(self.config)], faults, self.said)

    def prepared(self, phase: str) -> Path:
        """Return the output folder in which a phase has something to do."""
        shutil.rmtree(self.out, ignore_errors=True)
        if phase != "scan":
            shutil.copytree(self.whole, self.out)
        if phase == "export":
            (self.out / "results.csv").unlink()
        return self.out

    def calls(self, phase: str) -> Counter[str]:
        """Return how many calls of each kind a phase makes below the folder."""
        self.run(phase, self.prepared(phase), Faults(self.folder))
        return Counter(json.loads(self.said.read_text().splitlines()[-1]))

    def found(self, phase: str, faults: Faults) -> Iterator[str]:
        """Yield what is wrong after a phase with a fault, and after the next scan without one."""
        out = self.prepared(phase)
        code = self.run(phase, out, faults)
        words = self.said.read_text(errors="replace")
        if code not in ENDS:
            yield f"exit code {code}"
        if "Traceback" in words or "Exception ignored" in words:
            yield "a traceback: " + " | ".join(words.strip().splitlines()[-6:-1])
        errors = [line for line in words.splitlines() if line.startswith(("gdest:", "Error"))]
        if code == 2 and len(errors) != 1:
            yield f"{len(errors)} sentences: {words[-400:]!r}"
        yield from damaged(out)
        code = self.run("scan", out, Faults(self.folder))
        if code:
            yield f"the next scan ends with {code}: {self.said.read_text()[-500:]!r}"
        elif results(out) != self.wanted:
            yield "the next scan has other results"
        yield from damaged(out)


def results(out: Path) -> tuple[list[dict[str, str]], bytes, dict[str, str]]:
    """Return rows without the time of grading, specimens, and the hash of each picture."""
    rows = read_table(out / "results.csv")
    for row in rows:
        del row["graded_at"]
    pictures = {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in pictures_in(out)
    }
    return rows, (out / SPECIMENS).read_bytes(), pictures


def pictures_in(out: Path) -> list[Path]:
    """Return the pictures that have their final names."""
    found = [path for ending in ("png", "jpg") for path in out.rglob(f"*.{ending}")]
    return sorted(path for path in found if not path.name.startswith(UNFINISHED))


def damaged(out: Path) -> Iterator[str]:
    """Yield what is truncated of the pictures and reports that have their final names."""
    for path in pictures_in(out):
        try:
            with Image.open(path) as image:
                image.load()
        except OSError as error:
            yield f"{path.name} is damaged: {error}"
    for name in (*REPORTS, SPECIMENS):
        path = out / name
        try:
            if path.exists() and not is_whole(path):
                yield f"{name} is half"
        except (ValueError, zipfile.BadZipFile, OSError) as error:
            yield f"{name} is damaged: {error}"


def is_whole(path: Path) -> bool:
    """Return whether a report is whole; raise what reading it raises."""
    if path.suffix == ".csv":
        columns = COLUMNS if path.name == "results.csv" else SPECIMEN_COLUMNS
        lines = path.read_text(encoding="utf-8").splitlines()
        return lines[0] == ",".join(columns) and all(line.count(",") >= len(columns) - 1 for line in lines)
    if path.suffix == ".xlsx":
        return zipfile.ZipFile(path).testzip() is None
    text = path.read_text(encoding="utf-8")
    return bool(json.loads(text)) if path.suffix == ".json" else text.rstrip().endswith("</html>")


def spread(count: int, most: int) -> list[int]:
    """Return at most so many numbers from 1 to count, spread evenly."""
    return sorted({1 + round(place * (count - 1) / max(min(count, most) - 1, 1)) for place in range(min(count, most))})


def main() -> None:
    """Let each kind of call fail in each phase, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=25)
    parser.add_argument("--only", choices=KINDS)
    options = parser.parse_args(own)
    tried, wrong = 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        (folder := Path(temporary, "work")).mkdir()
        trial = Trial(folder, Path(temporary, "said"))
        for phase in PHASES:
            calls = trial.calls(phase)
            for kind in KINDS if options.only is None else (options.only,):
                before = wrong
                numbers = spread(calls[kind], options.most) if calls[kind] else []
                for place, number in enumerate(numbers):
                    error, lasting = ERRORS[(place + tried) % len(ERRORS)], place % 2 == 1
                    tried += 1
                    for what in trial.found(phase, Faults(trial.folder, kind, number, error, lasting=lasting)):
                        wrong += 1
                        when = f"{phase}, {kind} {number} of {calls[kind]}{' and later' if lasting else ''}, {error}"
                        print(f"{when}: {what}", flush=True)
                print(f"{phase}: {len(numbers)} of {calls[kind]} {kind}: {wrong - before} faults found", flush=True)
    print(f"{tried} calls let fail; {wrong} faults found")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
