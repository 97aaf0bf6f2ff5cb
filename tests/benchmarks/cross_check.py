"""Print how often the intercept count of --cross-check answers, and how well: cross_check.py LABELS.csv [...].

Each CSV has columns file,g,um_per_px (no g: only whether it answers), paths relative to the CSV, as
`gdest synth` writes them. Takes about three seconds a micrograph of 1280x960.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from gdest.core.records import ImageFile
from gdest.grading.intercepts import count_intercepts
from gdest.reading.micrograph import read_micrograph


def main() -> None:
    """Count every labelled micrograph, print a line for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    arguments = parser.parse_args()
    errors: dict[str, list[float]] = defaultdict(list)
    asked: dict[str, int] = defaultdict(int)
    for labels in arguments.labels:
        with labels.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))[arguments.first : arguments.first + arguments.count]
        for row in rows:
            name = row["file"].rpartition("/")[0] or labels.parent.name
            micrograph = read_micrograph(ImageFile(labels.parent / row["file"], row["file"]))
            found = count_intercepts(micrograph.pixels)
            asked[name] += 1
            if found is not None:
                error = found.g(float(row["um_per_px"])) - float(row["g"] or "nan")
                errors[name].append(error)
                print(
                    f"{row['file']}: G {row['g'] or '?'}, error {error:+.2f}, {found.intercepts} intercepts", flush=True
                )
    for name, count in asked.items():
        off = np.array(errors[name])
        within = (
            f"MAE {np.abs(off).mean():.2f}, bias {off.mean():+.2f}, beyond 1 G {(np.abs(off) > 1).sum()}"
            if len(off)
            else ""
        )
        print(f"{name}: answers {len(off)} of {count}  {within}")


if __name__ == "__main__":
    main()
