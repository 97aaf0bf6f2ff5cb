"""Draw the grades that a classifier sees beside the grade map of a regressor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gdest.cli.console import print_areas
from gdest.cli.images import require_no_folder
from gdest.cli.run_info import load_weights
from gdest.core import (
    ExitCode,
    GradeSettings,
    ImageFile,
    MicrographError,
    file_at,
    fitting_name,
    grain_size,
    progress,
    say,
)
from gdest.grading import grade_map_of, graded_row
from gdest.model import BUNDLED_CLASSIFIER, LoadedModel, NetworkPredictor, explain, load_model, weights_path
from gdest.reading import read_micrograph
from gdest.reports import draw_grades, draw_heatmap, pixel_grades, save_png, side_by_side


def run_explain(
    images: Sequence[Path], settings: GradeSettings, weights: Path | None, regressor: Path | None
) -> ExitCode:
    """Write IMAGE.explain.png for each image into the current folder; return the exit code."""
    require_no_folder(images)
    with progress("starting"):
        classifier = load_model(weights_path(weights, BUNDLED_CLASSIFIER))
        predictor = NetworkPredictor(load_weights(regressor), settings)
    for number, path in enumerate(images, start=1):
        title = f"explaining {number}/{len(images)}" if len(images) > 1 else "explaining"
        with progress(title):  # ends before the results are printed: its bar would take them along
            out, grades = _explain_one(file_at(path), classifier, predictor, settings)
        _print_areas(file_at(path).name, grades)
        say(f"Written: {out}")
    return ExitCode.GRADED


def _explain_one(
    file: ImageFile, classifier: LoadedModel, predictor: NetworkPredictor, settings: GradeSettings
) -> tuple[Path, NDArray[np.float32]]:
    """Draw one image; return where, and the grade at each pixel, NaN where no grade has evidence."""
    try:
        micrograph = read_micrograph(file, settings.calibration, settings.max_megapixels)
        if micrograph.regions is not None:  # its `pixels` are every second (fourth...) one, at which grains look finer
            raise MicrographError("too large to be explained in one piece; cut out a part of at most 100 megapixels")
        grade_map = grade_map_of(micrograph, predictor, settings.stride_px)
    except MicrographError as error:
        raise MicrographError(f"{file.name}: {error}") from error
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
    out = Path(fitting_name(file.path.name, ".explain.png"))
    save_png(picture, out)
    return out, grades


def _print_areas(name: str, grades: NDArray[np.float32]) -> None:
    found, counts = np.unique(np.round(grades[np.isfinite(grades)], 2), return_counts=True)
    areas = {f"G {g:.2f}": count / grades.size for g, count in zip(found, counts, strict=True)}
    print_areas(name, {**areas, "no evidence": float(np.mean(np.isnan(grades)))})
