"""Draw the grades that a classifier sees beside the grade map of a regressor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gdest.cli.console import print_areas
from gdest.cli.images import made_of_each, require_no_folder
from gdest.cli.run_info import load_weights
from gdest.core import (
    ExitCode,
    Failed,
    GradeSettings,
    Micrograph,
    MicrographError,
    Status,
    exit_code,
    file_at,
    fitting_name,
    grain_size,
    progress,
    say,
)
from gdest.grading import grade_map_of, graded_row
from gdest.model import BUNDLED_CLASSIFIER, LoadedModel, NetworkPredictor, explain, load_model, weights_path
from gdest.reading import read_micrographs
from gdest.reports import draw_grades, draw_heatmap, pixel_grades, save_png, side_by_side


@dataclass(frozen=True)
class _Explained:
    """Hold where a micrograph was drawn, and the grade at each pixel, NaN where no grade has evidence."""

    name: str
    out: Path
    grades: NDArray[np.float32]


def run_explain(
    images: Sequence[Path], settings: GradeSettings, weights: Path | None, regressor: Path | None
) -> ExitCode:
    """Write IMAGE.explain.png for each micrograph into the current folder; return the exit code.

    A file that cannot be explained is told, and the next one is explained.
    """
    require_no_folder(images)
    with progress("starting"):
        classifier = load_model(weights_path(weights, BUNDLED_CLASSIFIER))
        predictor = NetworkPredictor(load_weights(regressor), settings)
    explain_one = partial(_explain_one, classifier=classifier, predictor=predictor, settings=settings)
    statuses: Counter[str] = Counter()
    for number, path in enumerate(images, start=1):
        title = f"explaining {number}/{len(images)}" if len(images) > 1 else "explaining"
        found = made_of_each(read_micrographs(file_at(path), settings), explain_one)
        while True:
            with progress(title):  # ends before the results are printed: its bar would take them along
                one = next(found, None)
            if one is None:
                break
            statuses[Status.FAILED if isinstance(one, Failed) else Status.GRADED] += 1
            _tell(one)
    return exit_code(statuses)


def _explain_one(
    micrograph: Micrograph, classifier: LoadedModel, predictor: NetworkPredictor, settings: GradeSettings
) -> _Explained:
    """Draw one micrograph; raise `MicrographError` where that cannot be."""
    if micrograph.regions is not None:  # its `pixels` are every second (fourth...) one, at which grains look finer
        raise MicrographError("too large to be explained in one piece; cut out a part of at most 100 megapixels")
    grade_map = grade_map_of(micrograph, predictor, settings.stride_px)
    graded = graded_row(micrograph, grade_map, predictor.card)
    # tiles without metal are not evidence
    metal = np.isfinite(pixel_grades(graded))
    grades = np.where(metal, explain(micrograph.pixels, classifier, settings).g_seen, np.float32(np.nan))
    title = "G seen"
    if micrograph.um_per_px is not None:
        shift = float(grain_size.g_from_seen(0.0, micrograph.um_per_px, classifier.card.um_per_px))
        grades, title = grades + np.float32(shift), "G"
    picture = side_by_side(
        [
            (f"arg-max GradCAM of {classifier.name}", draw_grades(micrograph.pixels, grades, title)),
            (f"grade map of {predictor.name}", draw_heatmap(graded)),
        ]
    )
    out = Path(fitting_name(Path(micrograph.file.name).name, ".explain.png"))
    save_png(picture, out)
    return _Explained(micrograph.file.name, out, grades)


def _tell(one: _Explained | Failed) -> None:
    if isinstance(one, Failed):
        say(f"{one.file.name}: {Status.FAILED}: {one.reason}")
        return
    _print_areas(one.name, one.grades)
    say(f"Written: {one.out}")


def _print_areas(name: str, grades: NDArray[np.float32]) -> None:
    found, counts = np.unique(np.round(grades[np.isfinite(grades)], 2), return_counts=True)
    areas = {f"G {g:.2f}": count / grades.size for g, count in zip(found, counts, strict=True)}
    print_areas(name, {**areas, "no evidence": float(np.mean(np.isnan(grades)))})
