"""The commands that grade: translate words into settings, call one function."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gdest.cli.options import (
    BatchSize,
    CameraUm,
    CrossCheck,
    Device,
    Magnification,
    MaxMegapixels,
    Precision,
    Stride,
    UmPerPx,
    Weights,
    app,
)
from gdest.settings import CalibrationSettings, GradeSettings, ScanSettings


@app.command()
def analyze(
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    um_per_px: UmPerPx = None,
    magnification: Magnification = None,
    camera_um: CameraUm = None,
    heatmap: Annotated[
        bool, typer.Option("--heatmap", help="Write IMAGE.heatmap.png into the current folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print an array of objects instead of a table.")] = False,
    weights: Weights = None,
    device: Device = "auto",
    precision: Precision = "auto",
    stride_px: Stride = 224,
    batch: BatchSize = 64,
    max_megapixels: MaxMegapixels = 400.0,
    cross_check: CrossCheck = False,
) -> None:
    """Grade single images and print the result."""
    settings = _grade_settings(um_per_px, magnification, camera_um, device, precision, stride_px, batch, max_megapixels)
    settings = replace(settings, cross_check=cross_check)
    from gdest.commands.analyze import run_analyze

    raise typer.Exit(run_analyze(images, settings, weights, heatmap=heatmap, as_json=as_json))


@app.command()
def scan(
    roots: Annotated[list[Path], typer.Argument(help="Folders, searched with all their subfolders.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; created if missing.")],
    um_per_px: UmPerPx = None,
    magnification: Magnification = None,
    camera_um: CameraUm = None,
    config: Annotated[Path | None, typer.Option(help="Rules of the archive, gdest.toml.")] = None,
    heatmaps: Annotated[bool, typer.Option(help="Write a heatmap PNG for each micrograph.")] = True,
    fail_on_reject: Annotated[bool, typer.Option("--fail-on-reject", help="Exit code 6 when a limit fails.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Grade again what the ledger knows.")] = False,
    weights: Weights = None,
    device: Device = "auto",
    precision: Precision = "auto",
    stride_px: Stride = 224,
    batch: BatchSize = 64,
    max_megapixels: MaxMegapixels = 400.0,
    cross_check: CrossCheck = False,
) -> None:
    """Grade every image below the folders; write results.csv, results.xlsx, index.html and heatmaps."""
    settings = _grade_settings(um_per_px, magnification, camera_um, device, precision, stride_px, batch, max_megapixels)
    settings = replace(settings, cross_check=cross_check)
    from gdest.commands.scan import run_scan

    raise typer.Exit(run_scan(roots, out, settings, weights, config, ScanSettings(heatmaps, force, fail_on_reject)))


def _grade_settings(
    um_per_px: float | None,
    magnification: float | None,
    camera_um: float | None,
    device: str,
    precision: str,
    stride_px: int,
    batch: int,
    max_megapixels: float,
) -> GradeSettings:
    calibration = CalibrationSettings(um_per_px, magnification, camera_um)
    return GradeSettings(calibration, stride_px, batch, device, precision, max_megapixels)
