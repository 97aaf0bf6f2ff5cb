"""The commands that teach and measure: translate words into settings, call one function."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from gdest.cli.options import Device, Precision, UmPerPx, Weights, app
from gdest.core import CalibrationSettings, GradeSettings, SettingsError
from gdest.synth import SynthSettings
from gdest.training import GRADE_SETS, PRESETS, TrainSettings

OPTION_OF = {"input": "shown"}
"""Settings whose option has another name in Python, where `input` is taken."""


@app.command()
def train(
    context: typer.Context,
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
    mix: Annotated[
        Optional[list[Path]], typer.Option(help="Further labelled micrographs, mixed into every step, never held out.")
    ] = None,
    mix_share: Annotated[float, typer.Option(help="Share of the crops of a step that come from --mix.")] = 0.2,
    unfit_pictures: Annotated[int, typer.Option(help="Pictures of each kind drawn to teach what not to grade.")] = 250,
    um_per_px: UmPerPx = None,
    reference_um_per_px: Annotated[float, typer.Option(help="Pixel size p0 of the model, um per px.")] = 1.0,
    seed: Annotated[int, typer.Option()] = 0,
    device: Device = "auto",
    bf16: Annotated[bool, typer.Option("--bf16", help="Compute in bf16 where it is safe.")] = False,
    task: Annotated[str, typer.Option(help="regression, or classification over the grades present.")] = "regression",
    head: Annotated[str, typer.Option(help="fc: one layer; ext: two more before it.")] = "fc",
    backbone: Annotated[str, typer.Option(help="resnet18, alexnet or vgg16.")] = "resnet18",
    shown: Annotated[str, typer.Option("--input", help="crop, or image for whole images.")] = "crop",
    rescale: Annotated[bool, typer.Option(help="Enlarge and shrink pictures, and move their label by as much.")] = True,
    test_share: Annotated[float, typer.Option(help="Share of the specimens kept apart and measured at the end.")] = 0.0,
    optimizer: Annotated[str, typer.Option(help="adam or sgd.")] = "adam",
    keep_norm: Annotated[
        bool, typer.Option("--keep-norm", help="Leave batch normalisation as --init has it: for few micrographs.")
    ] = False,
    preset: Annotated[Optional[str], typer.Option(help="azimi: the scheme the paper compares with.")] = None,
) -> None:
    """Train a network on labelled micrographs; an interrupted run goes on where it stopped."""
    settings = TrainSettings(
        epochs=epochs, batch=batch, learning_rate=learning_rate, schedule=schedule, average=average,
        crop_px=crop_px, crops_per_micrograph=crops_per_micrograph, rescale_g=rescale_g, contrast=contrast,
        validation_share=validation_share, unfit_pictures=unfit_pictures,
        calibration=tuple(map(str, calibration or ())), mix=tuple(map(str, mix or ())), mix_share=mix_share,
        um_per_px=um_per_px, reference_um_per_px=reference_um_per_px, seed=seed, device=device, bf16=bf16,
        init=init, task=task, head=head, backbone=backbone, input=shown,
        rescale=rescale, test_share=test_share, optimizer=optimizer, keep_norm=keep_norm,
    )  # fmt: skip
    settings = _with_preset(settings, preset, context)
    if out.suffix != ".safetensors":
        raise SettingsError("--out must end in .safetensors.")
    from gdest.cli.run_learn import run_train

    raise typer.Exit(run_train(data, out, settings))


def _with_preset(settings: TrainSettings, preset: Optional[str], context: typer.Context) -> TrainSettings:
    """Return the settings with those of a preset wherever the user states nothing else."""
    if preset is None:
        return settings
    if preset not in PRESETS:
        raise SettingsError(f"--preset {preset} is not known; there is {', '.join(PRESETS)}.")
    sources = {name: context.get_parameter_source(name) for name in context.params}
    stated = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
    chosen = {name: value for name, value in PRESETS[preset].items() if OPTION_OF.get(name, name) not in stated}
    return replace(settings, **chosen)


@app.command()
def evaluate(
    data: Annotated[Path, typer.Argument(help="Labelled micrographs, as for train.")],
    out: Annotated[Path | None, typer.Option(help="Folder for evaluation.csv and evaluation.png.")] = None,
    um_per_px: UmPerPx = None,
    weights: Weights = None,
    device: Device = "auto",
    precision: Precision = "auto",
    paper: Annotated[
        bool, typer.Option("--paper", help="Count as the paper: Top-1 and confusion, crops and micrographs.")
    ] = False,
) -> None:
    """Measure the weights on labelled micrographs: MAE, bias, share within 0.5 G, coverage.

    Weights of a classifier, or of whole images, are always counted as the paper counts.
    """
    settings = GradeSettings(CalibrationSettings(um_per_px), device=device, precision=precision)
    from gdest.cli.run_learn import run_evaluate

    raise typer.Exit(run_evaluate(data, settings, weights, out, paper=paper))


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="Folder to write to.")],
    count: Annotated[
        Optional[int],
        typer.Option(min=1, help="Number of micrographs; otherwise 10, or the paper's number."),
    ] = None,
    g_min: Annotated[float, typer.Option(help="Coarsest G.")] = 3.0,
    g_max: Annotated[float, typer.Option(help="Finest G.")] = 12.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same micrographs.")] = 0,
    size: Annotated[str, typer.Option(help="Width x height in px.")] = "1280x960",
    um_per_px: Annotated[float, typer.Option(help="Pixel size in um.")] = 1.0,
    label_maps: Annotated[bool, typer.Option("--label-maps", help="Write the label maps too.")] = False,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    grades: Annotated[
        Optional[str],
        typer.Option(help="Folders of single grades: seen or unseen, the paper's sets (242, 668), or 4,4.5,5."),
    ] = None,
) -> None:
    """Make synthetic micrographs of exactly known G, with labels.csv."""
    width, _, height = size.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise SettingsError(f"--size {size} is not WIDTHxHEIGHT, such as 1280x960.")
    listed, usual = _grades(grades)
    settings = SynthSettings(
        count or usual, g_min, g_max, seed, int(height), int(width), um_per_px, label_maps, workers, listed
    )
    from gdest.cli.run_learn import run_synth

    raise typer.Exit(run_synth(out, settings))


def _grades(words: Optional[str]) -> tuple[tuple[float, ...], int]:
    """Return the grades that --grades names, and how many micrographs are usual for them."""
    if words is None:
        return (), 10
    if words in GRADE_SETS:
        return GRADE_SETS[words]
    try:
        listed = tuple(float(word) for word in words.split(","))
    except ValueError as error:
        raise SettingsError(f"--grades {words} is neither seen, unseen nor numbers such as 4,4.5,5.") from error
    return listed, 10
