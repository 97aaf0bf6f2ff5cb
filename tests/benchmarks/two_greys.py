"""Print how the grey of the counted grains falls in two: what tells a second phase from one phase.

    python tests/benchmarks/two_greys.py MICROGRAPHS [--weights FILE]

MICROGRAPHS is a folder of real fields with a `truth.csv`; it is not part of this repository. A line for each field on
which grains were counted: the share of the variance of their grey that two greys explain, the step in grey levels; of
the grey with less area its share, the size of its grains over that of the rest, the length of boundary between two such
grains over that by chance with the standard deviations by which it is less; and what is said of it. Takes five minutes
on two CPU cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from materials import predictor_of, rows_of_truth

from gdest.core import CalibrationSettings, Graded, GradeSettings, ImageFile
from gdest.grading import grade_micrographs
from gdest.grading.greys import grey_fields
from gdest.grading.phases import second_phase, two_greys
from gdest.model import weights_path


def main() -> None:
    """Print a line per field."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs", type=Path)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    # the greys do not depend on the pixel size, which some of the fields do not state
    settings = GradeSettings(count=True, calibration=CalibrationSettings(um_per_px=1.0))
    predictor = predictor_of(weights_path(options.weights), settings)
    names = [row["file"] for row in rows_of_truth(options.micrographs)]
    print("| field | explained | step | share | smaller | beside | sure | |")
    print(f"|{'---|' * 8}", flush=True)
    for row in grade_micrographs([ImageFile(options.micrographs / name, name) for name in names], predictor, settings):
        if not isinstance(row, Graded) or row.count is None:
            continue
        fields = grey_fields(row.micrograph.pixels, row.count.overlays)
        found = two_greys(fields)
        if found is not None:
            said = ", ".join(second_phase(fields)).partition(" on ")[0]
            shade = "dark" if found.is_dark else "bright"
            numbers = f"{found.explained:.2f} | {found.step:.0f} | {shade} {found.share:.2f} | {found.smaller:.2f}"
            lie = f"{found.beside:.2f} | {found.sure:.1f}"
            print(f"| {row.micrograph.file.name} | {numbers} | {lie} | {said} |", flush=True)


if __name__ == "__main__":
    main()
