"""Make the study of this folder again on a GPU: python examples/study/make_study.py WORK [--minutes 8].

Draws the paper's two sets to WORK, 242 micrographs of the whole grades and some of the half grades, 1280x960 px; runs
ResNet18 `fc` in both tasks, on crops and whole images, with and without rescaling, from random weights, three seeds
each, for as many epochs as the minutes allow; then writes study.md, tables, figures and runs.csv over those that lie
beside this script. The same command goes on where it was stopped, also where it was killed. `--small` shows in a few
minutes of a CPU that it works; it writes to WORK/small only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from gdest.cli import main
from gdest.core import CORES
from gdest.synth import SynthSettings, write_dataset
from gdest.training import GRADE_SETS

HERE = Path(__file__).resolve().parent
CONFIGS = "*-resnet18-fc-*"
OF_SMALL = "*-resnet18-fc-*-rescale"
SMALL_STEPS = ["--batch", "8", "--crops-per-micrograph", "1", "--image-batch", "4"]
WRITTEN = ("study.md", "runs.csv", "*.png", "table*.csv", "fig*.csv")


def make() -> None:
    """Draw what is missing, run the study, and put its results in their place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=8.0, help="for the training, beside 1 to 2 for the drawing")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--unseen", type=int, default=108, help="micrographs of half grades; the paper has 668")
    parser.add_argument("--workers", type=int, default=max(1, CORES - 2), help="processes that draw")
    parser.add_argument("--small", action="store_true", help="22 and 9 micrographs of 320x256 px, one seed")
    options = parser.parse_args()
    work = options.work.resolve() / "small" if options.small else options.work.resolve()
    rows, cols, seen, unseen = (256, 320, 22, 9) if options.small else (960, 1280, 242, options.unseen)
    seeds = 1 if options.small else options.seeds
    for name, count, seed in (("seen", seen, 21), ("unseen", unseen, 22)):
        grades = GRADE_SETS[name][0]
        draw(work / name, SynthSettings(count, seed=seed, rows=rows, cols=cols, workers=options.workers, grades=grades))
    words = ["study", "seen", "--unseen", "unseen", "--out", "study", "--init", "none"]
    words += ["--configs", OF_SMALL, *SMALL_STEPS] if options.small else ["--configs", CONFIGS]
    words += ["--seeds", str(seeds), "--minutes", f"{options.minutes:g}", "--device", options.device]
    if code := gdest(words, work):
        sys.exit(code)
    if not options.small:
        put_in_place(work / "study", HERE)


def draw(folder: Path, settings: SynthSettings) -> None:
    """Draw a set unless it is there; it gets its name when it is whole."""
    if folder.is_dir():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for number, _ in enumerate(write_dataset(unfinished, settings), start=1):
        if number % 50 == 0 or number == settings.count:
            print(f"{folder.name}: {number} of {settings.count} drawn", flush=True)
    unfinished.rename(folder)


def gdest(words: list[str], folder: Path) -> int:
    """Run a command of gdest in this process, which may be killed with it, and return its exit code."""
    os.chdir(folder)
    sys.argv = ["gdest", *words]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def put_in_place(study: Path, folder: Path) -> None:
    """Write the results of a study over those of another."""
    for pattern in WRITTEN:
        for old in folder.glob(pattern):
            old.unlink()
        for new in study.glob(pattern):
            shutil.copyfile(new, folder / new.name)


if __name__ == "__main__":
    make()
