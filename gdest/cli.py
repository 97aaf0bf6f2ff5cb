"""The command line: translate words into settings, call one function, choose the exit code."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from gdest import __version__
from gdest.errors import GdestError, SettingsError
from gdest.settings import CalibrationSettings, GradeSettings, SynthSettings, TrainSettings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Grade etched-steel micrographs: ASTM grain size number G, with interval, homogeneity and heatmap.",
)

UmPerPx = Annotated[Optional[float], typer.Option(help="Pixel size of every image, um per px.")]
Magnification = Annotated[Optional[float], typer.Option(help="Magnification on the camera; needs --camera-um.")]
CameraUm = Annotated[Optional[float], typer.Option(help="Pitch of the camera's pixels in um; needs --magnification.")]
Weights = Annotated[Optional[Path], typer.Option(help="Weights file; without it the bundled weights.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Precision = Annotated[str, typer.Option(help="auto, fp32 or bf16; auto takes bf16 where the machine computes in it.")]
Stride = Annotated[int, typer.Option("--stride", help="Distance between tiles in px; 112 halves the map's step.")]
BatchSize = Annotated[int, typer.Option("--batch", help="Tiles per pass.")]
MaxMegapixels = Annotated[float, typer.Option(help="Refuse larger images.")]


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
) -> None:
    """Grade single images and print the result."""
    settings = _grade_settings(um_per_px, magnification, camera_um, device, precision, stride_px, batch, max_megapixels)
    from gdest.commands import run_analyze

    raise typer.Exit(run_analyze(images, settings, weights, heatmap=heatmap, as_json=as_json))


@app.command()
def scan(
    roots: Annotated[list[Path], typer.Argument(help="Folders, searched with all their subfolders.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; created if missing.")],
    um_per_px: UmPerPx = None,
    magnification: Magnification = None,
    camera_um: CameraUm = None,
    heatmaps: Annotated[bool, typer.Option(help="Write a heatmap PNG for each micrograph.")] = True,
    weights: Weights = None,
    device: Device = "auto",
    precision: Precision = "auto",
    stride_px: Stride = 224,
    batch: BatchSize = 64,
    max_megapixels: MaxMegapixels = 400.0,
) -> None:
    """Grade every image below the folders; write results.csv, results.xlsx and heatmaps."""
    settings = _grade_settings(um_per_px, magnification, camera_um, device, precision, stride_px, batch, max_megapixels)
    from gdest.commands import run_scan

    raise typer.Exit(run_scan(roots, out, settings, weights, heatmaps=heatmaps))


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


@app.command()
def train(
    data: Annotated[
        Path, typer.Argument(help="Folder of grade folders (4.0/, 4.5/, ...) or CSV file,g[,um_per_px,specimen].")
    ],
    out: Annotated[Path, typer.Option(help="Weights file to write, NAME.safetensors.")],
    init: Annotated[str, typer.Option(help="Initial weights: imagenet, none, or a gdest weights file.")] = "none",
    epochs: Annotated[int, typer.Option(help="Passes; 0 only calibrates the initial weights anew.")] = 50,
    batch: Annotated[int, typer.Option(help="Crops per step.")] = 32,
    learning_rate: Annotated[float, typer.Option("--lr", help="Adam's learning rate.")] = 3e-4,
    schedule: Annotated[str, typer.Option(help="constant, or cosine with a short warm-up.")] = "constant",
    average: Annotated[
        float, typer.Option(help="Decay per step of a running average of the weights; 0 for none.")
    ] = 0.0,
    crop_px: Annotated[int, typer.Option(help="Side of the crops.")] = 224,
    crops_per_micrograph: Annotated[int, typer.Option(help="Crops from each micrograph in an epoch.")] = 4,
    rescale_g: Annotated[float, typer.Option(help="Largest change of G by the rescale augmentation.")] = 0.5,
    contrast: Annotated[float, typer.Option(help="Strength of the contrast jitter.")] = 0.3,
    validation_share: Annotated[float, typer.Option(help="Share of the specimens held out for validation.")] = 0.1,
    calibration: Annotated[
        Optional[list[Path]],
        typer.Option(help="Labelled micrographs that calibrate the interval instead of the held-out ones."),
    ] = None,
    unfit_pictures: Annotated[int, typer.Option(help="Pictures of each kind drawn to teach what not to grade.")] = 250,
    um_per_px: UmPerPx = None,
    reference_um_per_px: Annotated[float, typer.Option(help="Pixel size p0 of the model, um per px.")] = 1.0,
    seed: Annotated[int, typer.Option()] = 0,
    device: Device = "auto",
    bf16: Annotated[bool, typer.Option("--bf16", help="Compute in bf16 where it is safe.")] = False,
) -> None:
    """Train a regressor on labelled micrographs; an interrupted run goes on where it stopped."""
    settings = TrainSettings(
        epochs=epochs, batch=batch, learning_rate=learning_rate, schedule=schedule, average=average,
        crop_px=crop_px, crops_per_micrograph=crops_per_micrograph, rescale_g=rescale_g, contrast=contrast,
        validation_share=validation_share, unfit_pictures=unfit_pictures,
        calibration=tuple(map(str, calibration or ())), um_per_px=um_per_px, reference_um_per_px=reference_um_per_px,
        seed=seed, device=device, bf16=bf16, init=init,
    )  # fmt: skip
    if out.suffix != ".safetensors":
        raise SettingsError("--out must end in .safetensors.")
    from gdest.commands import run_train

    raise typer.Exit(run_train(data, out, settings))


@app.command()
def evaluate(
    data: Annotated[Path, typer.Argument(help="Labelled micrographs, as for train.")],
    out: Annotated[Path | None, typer.Option(help="Folder for evaluation.csv and evaluation.png.")] = None,
    um_per_px: UmPerPx = None,
    weights: Weights = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Measure the weights on labelled micrographs: MAE, bias, share within 0.5 G, coverage."""
    settings = GradeSettings(CalibrationSettings(um_per_px), device=device, precision=precision)
    from gdest.commands import run_evaluate

    raise typer.Exit(run_evaluate(data, settings, weights, out))


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="Folder to write to.")],
    count: Annotated[int, typer.Option(help="Number of micrographs.")] = 10,
    g_min: Annotated[float, typer.Option(help="Coarsest G.")] = 3.0,
    g_max: Annotated[float, typer.Option(help="Finest G.")] = 12.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same micrographs.")] = 0,
    size: Annotated[str, typer.Option(help="Width x height in px.")] = "1280x960",
    um_per_px: Annotated[float, typer.Option(help="Pixel size in um.")] = 1.0,
    label_maps: Annotated[bool, typer.Option("--label-maps", help="Write the label maps too.")] = False,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
) -> None:
    """Make synthetic micrographs of exactly known G, with labels.csv."""
    width, _, height = size.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise SettingsError(f"--size {size} is not WIDTHxHEIGHT, such as 1280x960.")
    settings = SynthSettings(count, g_min, g_max, seed, int(height), int(width), um_per_px, label_maps, workers)
    from gdest.commands import run_synth

    raise typer.Exit(run_synth(out, settings))


@app.command()
def info(weights: Weights = None) -> None:
    """Print the version, the machine's devices and the model card of the weights."""
    from gdest.commands import run_info

    raise typer.Exit(run_info(weights))


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the app; a `GdestError` becomes one sentence on standard error and its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except GdestError as error:
        typer.echo(f"gdest: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("gdest: stopped by Ctrl-C; what was done is kept.", err=True)
        sys.exit(130)
