"""Grade etched-steel micrographs: ASTM grain size number G from images.

`load_model`, `read_micrographs` and `grade_micrographs` are the Python API. Importing gdest imports no torch:
each function imports what it needs when it is called. All errors are subclasses of `gdest.core.GdestError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from gdest.core.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gdest.core import ImageFile, Micrograph, Row
    from gdest.model import NetworkPredictor

__all__ = ["Result", "__version__", "grade_micrographs", "load_model", "read_micrographs"]


@dataclass(frozen=True)
class Result:
    """Hold what is known of one micrograph, under the names of results.csv; None means not known, never 0.

    `status` is graded, review, uncalibrated or failed, and `reason` says why it is not graded. Lengths are in um,
    G values in 0..16. `row` is the whole record: of a micrograph that could be read, its pixels and grade map, and
    `row.count` all that was counted on it.
    """

    file: str
    status: str
    reason: str | None
    g: float | None
    g_low: float | None
    g_high: float | None
    g_from_density: float | None
    g_seen: float | None
    grains_per_mm2: float | None
    mean_intercept_um: float | None
    homogeneity: str | None
    um_per_px: float | None
    um_per_px_source: str | None
    g_counted: float | None
    g_counted_low: float | None
    g_counted_high: float | None
    grains_counted: float | None
    g_largest_grain: float | None
    row: Row = field(repr=False)


def load_model(weights: str | Path | None = None, *, device: str = "auto", count: bool = True) -> NetworkPredictor:
    """Return the network of a weights file, without one the bundled, ready on `auto`, `cpu`, `cuda` or `cuda:1`.

    Without `count` it draws no boundaries, which is faster, and nothing can be counted with it.
    Raises `WeightsError` for a file that cannot be used, `SettingsError` for an unknown or missing device.
    """
    from gdest.core import GradeSettings
    from gdest.model import NetworkPredictor, load_model as load, weights_path

    model = load(weights_path(None if weights is None else Path(weights)))
    return NetworkPredictor(model, GradeSettings(device=device, count=count))


def read_micrographs(path: str | Path | NDArray[Any], um_per_px: float | None = None) -> Iterator[Micrograph]:
    """Yield every micrograph of an image file, one per page, scene or frame: grey pixels (rows, cols) uint8.

    An array, (rows, cols) or (rows, cols, 3) in colour, is read as a file that holds it. Without `um_per_px` the pixel
    size is what the file states, else None. Of a picture above 100 megapixels `pixels` is thinned, and `regions` reads
    its rows until the next micrograph is asked for. Raises `MicrographError` for a file or page that cannot be read,
    `SettingsError` for what is neither a path nor such an array. Pillow's own limit of 179 megapixels holds for what
    must be decoded whole; `gdest.reading.prepare_decoders()` sets that of the command line for the whole process.
    """
    from gdest.core import CalibrationSettings, Failed, GradeSettings, MicrographError
    from gdest.reading import image_given, read_micrographs as read

    settings = GradeSettings(CalibrationSettings(um_per_px))
    with TemporaryDirectory(prefix="gdest-") as folder:
        for found in read(image_given(path, 1, Path(folder)), settings):
            if isinstance(found, Failed):
                raise MicrographError(f"{found.file.name}: {found.reason}")
            yield found


def grade_micrographs(
    paths: str | Path | NDArray[Any] | Iterable[str | Path | NDArray[Any]],
    model: NetworkPredictor,
    *,
    um_per_px: float | None = None,
    count: bool = True,
) -> Iterator[Result]:
    """Yield a `Result` for each micrograph in the image files, in their order; a bad file is one that `failed`.

    An array, (rows, cols) or (rows, cols, 3) in colour, is graded as a file that holds it, and called `array-1` by its
    place. `um_per_px` is the pixel size of all of them; without it each file's own counts. Names in a list that state
    different magnifications contradict it, and their results are for review. Without `count` no boundaries are drawn
    and no grains counted, which is faster. Several files are read at a time, so ask for many in one call. Raises
    `SettingsError` for what is neither a path nor such an array.
    """
    from gdest.core import CalibrationSettings, GradeSettings
    from gdest.grading import grade_micrographs as grade
    from gdest.reading import image_given, with_mixed_names
    from gdest.reports import ModelName, cells

    given: Iterable[Any] = [paths] if isinstance(paths, str | Path) or hasattr(paths, "dtype") else paths
    settings = GradeSettings(CalibrationSettings(um_per_px), count=count)
    names = [one.name for one in fields(Result) if one.name != "row"]
    with TemporaryDirectory(prefix="gdest-") as folder:
        files: Iterable[ImageFile] = (image_given(one, number, Path(folder)) for number, one in enumerate(given, 1))
        if isinstance(given, Sequence):
            files = list(files)
            settings = with_mixed_names(settings, (file.name for file in files))
        for row in grade(files, model, settings):
            known: dict[str, Any] = dict(cells(row, ModelName(model.name, model.sha256)))
            yield Result(**{name: known[name] for name in names}, row=row)
