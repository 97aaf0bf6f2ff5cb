"""The commands that grade: translate words into settings, call one function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gdest.cli.options import (
    BatchSize,
    CameraUm,
    Config,
    CrossCheck,
    Device,
    Magnification,
    MaxMegapixels,
    Precision,
    ReadScaleBar,
    ScaleBarUm,
    Stride,
    UmPerPx,
    Weights,
    app,
)
from gdest.core import CalibrationSettings, GradeSettings
from gdest.scan import ScanSettings, read_shard


@app.command()
def analyze(
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    um_per_px: UmPerPx = None,
    magnification: Magnification = None,
    camera_um: CameraUm = None,
    read_scale_bar: ReadScaleBar = False,
    scale_bar_um: ScaleBarUm = None,
    config: Config = None,
    heatmap: Annotated[
        bool, typer.Option("--heatmap", help="Write IMAGE.heatmap.png into the current folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print an array of objects instead of a table.")] = False,
    weights: Weights = None,
    device: Device = "auto",
    precision: Precision = "auto",
    stride_px: Stride = 224,
    batch: BatchSize = 0,
    max_megapixels: MaxMegapixels = 1500.0,
    cross_check: CrossCheck = False,
) -> None:
    """Grade single images and print the result."""
    calibration = _calibration(um_per_px, magnification, camera_um, read_scale_bar, scale_bar_um)
    settings = GradeSettings(calibration, stride_px, batch, device, precision, max_megapixels, cross_check=cross_check)
    from gdest.cli.run_analyze import run_analyze

    raise typer.Exit(run_analyze(images, settings, weights, config, heatmap=heatmap, as_json=as_json))


@app.command()
def scan(
    roots: Annotated[list[Path], typer.Argument(help="Folders, searched with all their subfolders.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; created if missing.")],
    um_per_px: UmPerPx = None,
    magnification: Magnification = None,
    camera_um: CameraUm = None,
    read_scale_bar: ReadScaleBar = False,
    scale_bar_um: ScaleBarUm = None,
    config: Config = None,
    heatmaps: Annotated[bool, typer.Option(help="Write a heatmap PNG for each micrograph.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Grade again what the ledger knows.")] = False,
    fail_on_reject: Annotated[bool, typer.Option("--fail-on-reject", help="Exit code 6 when a limit fails.")] = False,
    include: Annotated[Optional[list[str]], typer.Option(help="Take only paths that fit, as 'oven*/*.tif'.")] = None,
    exclude: Annotated[Optional[list[str]], typer.Option(help="Leave paths that fit; * also crosses folders.")] = None,
    since: Annotated[Optional[str], typer.Option(help="Take files changed since 2026-11-01, or in 7d, 12h.")] = None,
    limit: Annotated[Optional[int], typer.Option(help="Grade at most so many files in this run.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be graded and why; do nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
    log_file: Annotated[Optional[Path], typer.Option(help="Append one JSON object per line.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and grade files as they come.")] = False,
    poll_s: Annotated[float, typer.Option("--poll", help="Seconds between two looks of --watch.")] = 30.0,
    settle_s: Annotated[float, typer.Option("--settle", help="Seconds a file must stay the same first.")] = 30.0,
    shard: Annotated[Optional[str], typer.Option(help="Part I/N of the archive; in a SLURM array its own.")] = None,
    engine: Annotated[str, typer.Option(help="local, or ray for several machines.")] = "local",
    address: Annotated[Optional[str], typer.Option(help="A running Ray cluster; without it Ray starts here.")] = None,
    read_timeout_s: Annotated[float, typer.Option("--read-timeout", help="Seconds a file may take.")] = 600.0,
    weights: Weights = None,
    device: Device = "auto",
    precision: Precision = "auto",
    stride_px: Stride = 224,
    batch: BatchSize = 0,
    max_megapixels: MaxMegapixels = 1500.0,
    cross_check: CrossCheck = False,
) -> None:
    """Grade every image below the folders; write results.csv, results.xlsx, index.html and heatmaps."""
    calibration = _calibration(um_per_px, magnification, camera_um, read_scale_bar, scale_bar_um)
    settings = GradeSettings(
        calibration, stride_px, batch, device, precision, max_megapixels, read_timeout_s, cross_check
    )
    options = ScanSettings(
        heatmaps=heatmaps, force=force, fail_on_reject=fail_on_reject, dry_run=dry_run, quiet=quiet, log_file=log_file,
        include=tuple(include or ()), exclude=tuple(exclude or ()), since=since, limit=limit,
        shard=read_shard(shard), watch=watch, poll_s=poll_s, settle_s=settle_s, engine=engine, address=address,
    )  # fmt: skip
    from gdest.cli.run_scan import run_scan

    raise typer.Exit(run_scan(roots, out, settings, weights, config, options))


@app.command()
def merge(
    out: Annotated[Path, typer.Argument(help="Output folder of the shards; the joined results go here.")],
    shards: Annotated[Optional[list[Path]], typer.Argument(help="Shard folders; without them OUT/shards/*.")] = None,
) -> None:
    """Join the shards of a scan; name what is missing and what was graded twice."""
    from gdest.cli.run_merge import run_merge

    raise typer.Exit(run_merge(out, shards or ()))


def _calibration(
    um_per_px: float | None,
    magnification: float | None,
    camera_um: float | None,
    read_scale_bar: bool,
    scale_bar_um: float | None,
) -> CalibrationSettings:
    return CalibrationSettings(
        um_per_px, magnification, camera_um, read_scale_bar=read_scale_bar, scale_bar_um=scale_bar_um
    )
