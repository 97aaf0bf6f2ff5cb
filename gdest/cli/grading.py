"""The commands that look at micrographs: words become settings, one call, an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdest.cli.options import Config, Weights, command
from gdest.core import Asked, GradeSettings
from gdest.reports import ReportSettings
from gdest.scan import ScanSettings

Images = Annotated[list[Path], typer.Argument(help="Image files.")]
EXPLAINED = Asked(
    only=("um_per_px", "magnification", "camera_um", "device", "stride_px", "batch", "max_megapixels"),
)
COUNTED = Asked(without=("read_timeout_s", "stride_px", "count"))


@command
def analyze(
    images: Images,
    settings: Annotated[GradeSettings, Asked(without=("read_timeout_s",))] = GradeSettings(count=True),
    config: Config = None,
    weights: Weights = None,
    heatmap: Annotated[
        bool, typer.Option("--heatmap", help="Write IMAGE.heatmap.png (and IMAGE.overlay.png) into the current folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print an array of objects instead of a table.")] = False,
) -> None:
    """Grade single images and print the result."""
    from gdest.cli.run_analyze import run_analyze

    raise typer.Exit(run_analyze(images, settings, weights, config, heatmap=heatmap, as_json=as_json))


@command
def count(
    images: Images,
    settings: Annotated[GradeSettings, COUNTED] = GradeSettings(count=True),
    config: Config = None,
    weights: Weights = None,
    boundaries: Annotated[
        Path | None, typer.Option(help="Boundaries corrected by hand: dark lines on white, or a label TIFF.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who corrected them; without it the login name.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the boundaries; created if missing.")] = Path(),
    rois: Annotated[bool, typer.Option("--rois", help="Write the grains as ImageJ ROIs as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print an array of objects instead of a table.")] = False,
) -> None:
    """Count grains and write their boundaries: as a picture, labels, an overlay and GeoJSON."""
    from gdest.cli.run_count import run_count

    raise typer.Exit(run_count(images, settings, weights, config, boundaries, by, out, rois=rois, as_json=as_json))


@command
def scan(
    roots: Annotated[list[Path], typer.Argument(help="Folders, searched with all their subfolders.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; created if missing.")],
    settings: GradeSettings,
    options: ScanSettings,
    config: Config = None,
    weights: Weights = None,
) -> None:
    """Grade every image below the folders; write results.csv, results.xlsx, index.html and heatmaps."""
    from gdest.cli.run_scan import run_scan

    raise typer.Exit(run_scan(roots, out, settings, weights, config, options))


@command
def merge(
    out: Annotated[Path, typer.Argument(help="Output folder of the shards; the joined results go here.")],
    settings: ReportSettings,
    shards: Annotated[list[Path] | None, typer.Argument(help="Shard folders; without them OUT/shards/*.")] = None,
) -> None:
    """Join the shards of a scan; name what is missing and what was graded twice."""
    from gdest.cli.run_merge import run_merge

    raise typer.Exit(run_merge(out, shards or (), settings))


@command
def explain(
    images: Images,
    weights: Annotated[Path | None, typer.Option(help="A classifier's weights; otherwise the bundled one.")] = None,
    regressor: Annotated[Path | None, typer.Option(help="Weights of the grade map beside it.")] = None,
    settings: Annotated[GradeSettings, EXPLAINED] = GradeSettings(batch=64, max_megapixels=400.0),
) -> None:
    """Draw which grade a classifier sees at each pixel (arg-max GradCAM) beside the grade map."""
    from gdest.cli.run_explain import run_explain

    raise typer.Exit(run_explain(images, settings, weights, regressor))
