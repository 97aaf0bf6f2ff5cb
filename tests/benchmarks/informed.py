"""Print how far the count should move the estimate: errors for shares of the way, and for the most that it may move.

    python tests/benchmarks/informed.py MICROGRAPHS DRAWN [--weights FILE] [--all-etches]

MICROGRAPHS is a folder of real fields with a `truth.csv` of file,um_per_px,g, which is not part of this repository;
DRAWN is made by `gdest synth DRAWN`. The choice is made on the materials that may calibrate the weights and on the
families of drawn etches, each counting once; the other columns only measure. Where few boundaries show a line a count
does not move the estimate; `--all-etches` prints what that is worth. Takes ten minutes for 150 drawn fields.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from materials import MIT, WITH_LINES, WITHOUT_LINES, measured_fields
from numpy.typing import NDArray

from gdest.core import GradeSettings
from gdest.model import NetworkPredictor, load_model, weights_path
from gdest.training.labels import read_labels
from gdest.training.measuring import Measured, measure_with

SHARES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 1.0)
MOST = (0.2, 0.25, 0.3, 0.4, 9.0)


def errors_of(fields: list[Measured]) -> NDArray[np.float64]:
    """Return the errors of estimates and counts and how far lines lead, (n, 3); fields without a count are left out."""
    pairs = [(one, one.row.count) for one in fields if one.row.count is not None and np.isfinite(one.row.count.g)]
    rows = [(one.error, count.g - one.item.g, count.led_by_lines) for one, count in pairs]
    return np.array(rows).reshape(-1, 3)


def mae(errors: NDArray[np.float64], share: float, most: float) -> float:
    """Return the mean absolute error of estimates that move this share of the way to their counts."""
    alone, counted, led = errors.T
    return float(np.abs(alone + led * np.clip(share * (counted - alone), -most, most)).mean())


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("drawn", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--all-etches", action="store_true")
    options = parser.parse_args()
    settings = GradeSettings(count=True)
    model = load_model(weights_path(options.weights))
    model = replace(model, card=replace(model.card, informed_interval=()))  # so that nothing has moved yet
    predictor = NetworkPredictor(model, settings)
    real = {n: errors_of(g) for n, g in measured_fields(options.micrographs, predictor, settings).items()}
    families: dict[str, list[Measured]] = {}
    for one in measure_with(predictor, read_labels(options.drawn, None), settings):
        families.setdefault(one.item.material, []).append(one)
    drawn = {name: errors_of(fields) for name, fields in families.items()}
    columns = {
        "chosen by (MIT and drawn)": [*(real[n] for n in MIT if n in real), *drawn.values()],
        "drawn": list(drawn.values()),
        "MIT": [real[n] for n in MIT if n in real],
        "with lines": [real[n] for n in WITH_LINES if n in real],
        "without": [real[n] for n in WITHOUT_LINES if n in real],
    }
    if options.all_etches:
        for group in (*real.values(), *drawn.values()):
            group[:, 2] = 1.0
    columns = {name: [group for group in groups if len(group)] for name, groups in columns.items()}
    print(f"| share | at most | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
    for share in SHARES:
        for most in MOST if share else MOST[:1]:
            cells = [f"{np.mean([mae(group, share, most) for group in groups]):.3f}" for groups in columns.values()]
            print(f"| {share} | {most} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
