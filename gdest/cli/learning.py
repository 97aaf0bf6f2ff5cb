"""The commands that teach and measure: translate words into settings, call one function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gdest.cli.options import Device, Precision, UmPerPx, Weights, app
from gdest.errors import SettingsError
from gdest.settings import CalibrationSettings, GradeSettings, SynthSettings, TrainSettings


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
    from gdest.commands.learn import run_train

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
    from gdest.commands.learn import run_evaluate

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
    from gdest.commands.learn import run_synth

    raise typer.Exit(run_synth(out, settings))
