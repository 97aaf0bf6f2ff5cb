"""The commands that show what the paper shows: translate words into settings, call one function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from gdest.cli.options import BatchSize, CameraUm, Device, Magnification, MaxMegapixels, Stride, UmPerPx, app
from gdest.core import CalibrationSettings, GradeSettings
from gdest.training import StudySettings, TrainSettings


@app.command()
def explain(
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    weights: Annotated[Optional[Path], typer.Option(help="A classifier's weights; otherwise the bundled one.")] = None,
    regressor: Annotated[Optional[Path], typer.Option(help="Weights of the grade map beside it.")] = None,
    um_per_px: UmPerPx = None,
    magnification: Magnification = None,
    camera_um: CameraUm = None,
    device: Device = "auto",
    stride_px: Stride = 224,
    batch: BatchSize = 64,
    max_megapixels: MaxMegapixels = 400.0,
) -> None:
    """Draw which grade a classifier sees at each pixel (arg-max GradCAM) beside the grade map."""
    calibration = CalibrationSettings(um_per_px, magnification, camera_um)
    settings = GradeSettings(calibration, stride_px, batch, device, max_megapixels=max_megapixels)
    from gdest.cli.run_explain import run_explain

    raise typer.Exit(run_explain(images, settings, weights, regressor))


@app.command()
def study(
    data: Annotated[Path, typer.Argument(help="Labelled micrographs of the seen grades, as for train.")],
    out: Annotated[Path, typer.Option(help="Folder for runs.csv, figures, tables and study.md.")],
    unseen: Annotated[Optional[Path], typer.Option(help="Labelled micrographs of grades not trained on.")] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each configuration.")] = 20,
    epochs: Annotated[int, typer.Option(help="Passes of each run.")] = 1500,
    configs: Annotated[
        Optional[list[str]], typer.Option(help="Configurations, * and ? allowed; without it all of the paper's.")
    ] = None,
    init: Annotated[str, typer.Option(help="Initial backbones: imagenet, none, or a gdest weights file.")] = "imagenet",
    batch: Annotated[int, typer.Option(help="Crops per step.")] = 32,
    image_batch: Annotated[int, typer.Option(help="Whole images per step.")] = 8,
    crops_per_micrograph: Annotated[int, typer.Option(help="Crops from each micrograph in an epoch.")] = 4,
    learning_rate: Annotated[float, typer.Option("--lr", help="Adam's learning rate.")] = 3e-4,
    validation_share: Annotated[float, typer.Option(help="Share of the specimens for validation.")] = 0.219,
    test_share: Annotated[float, typer.Option(help="Share of the specimens for the test.")] = 0.2645,
    split_seed: Annotated[int, typer.Option(help="Seed of the split, which is the same for all runs.")] = 0,
    um_per_px: UmPerPx = None,
    device: Device = "auto",
    bf16: Annotated[bool, typer.Option("--bf16", help="Compute in bf16 where it is safe.")] = False,
) -> None:
    """Run the paper's comparisons over seeds; an interrupted study goes on where it stopped."""
    training = TrainSettings(
        epochs=epochs, batch=batch, learning_rate=learning_rate, crops_per_micrograph=crops_per_micrograph,
        validation_share=validation_share, test_share=test_share, seed=split_seed, init=init, device=device, bf16=bf16,
        um_per_px=um_per_px,
    )  # fmt: skip
    settings = StudySettings(training, seeds, tuple(configs or ("*",)), image_batch)
    from gdest.cli.run_study import run_study

    raise typer.Exit(run_study(data, out, settings, unseen))
