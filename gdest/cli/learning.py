"""The commands that teach and measure: words become settings, one call, an exit code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gdest.cli.help import exits
from gdest.cli.options import Weights, choices, command, stated
from gdest.core import Asked, ExitCode, GradeSettings, Panel, SettingsError, require
from gdest.synth import SynthSettings, read_size
from gdest.training import GRADE_SETS, PRESETS, StudySettings, TrainSettings

MUST_BE_WEIGHTS = "--out must end in .safetensors."
NewWeights = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="Weights file to write, NAME.safetensors.")
]
Labelled = Annotated[Path, typer.Argument(metavar="DATA", help="Labelled micrographs, as for train.")]
COUNTING = GradeSettings(count=True)
WRITTEN = exits(ExitCode.USAGE, ExitCode.WEIGHTS, ExitCode.INTERRUPTED, done="done")


@command(
    "gdest train DATA --out mine.safetensors --init imagenet --test-share 0.2",
    "gdest train --draw 2000 --out mine.safetensors --epochs 20 --crops-per-micrograph 32 --mix labels.csv",
    exits=WRITTEN,
)
def train(
    context: typer.Context,
    out: NewWeights,
    settings: TrainSettings,
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            help="Grade folders (4.0/, 4.5/, ...) or CSV file,g[,um_per_px,specimen]; may be left out with --draw.",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(PRESETS),
            help="azimi: the scheme the paper compares with.",
            rich_help_panel=str(Panel.PAPER),
            autocompletion=choices(tuple(PRESETS)),
        ),
    ] = None,
) -> None:
    """Train a network on labelled micrographs; an interrupted run goes on where it stopped."""
    settings = _with_preset(settings, preset, stated(context))
    require(out.suffix == ".safetensors", MUST_BE_WEIGHTS)
    require(data is not None or settings.drawing.draw > 0, "Give DATA to train on, or --draw N to have it drawn.")
    from gdest.cli.run_learn import run_train

    raise typer.Exit(run_train(data, out, settings))


def _with_preset(settings: TrainSettings, preset: str | None, stated: set[str]) -> TrainSettings:
    """Return the settings with those of a preset wherever the user states nothing else."""
    if preset is None:
        return settings
    if preset not in PRESETS:
        raise SettingsError(f"--preset {preset} is not known; there is {', '.join(PRESETS)}.")
    return replace(settings, **{name: value for name, value in PRESETS[preset].items() if name not in stated})


@command(
    "gdest evaluate labels.csv",
    "gdest evaluate labels.csv --weights mine.safetensors --out errors",
    exits=WRITTEN,
)
def evaluate(
    data: Labelled,
    settings: Annotated[GradeSettings, Asked(only=("um_per_px", "device", "precision", "count"))] = COUNTING,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="Folder for evaluation.csv and evaluation.png."),
    ] = None,
    weights: Weights = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="Count as the paper: Top-1 and confusion, crops and micrographs.")
    ] = False,
) -> None:
    """Measure the weights on labelled micrographs: MAE, bias, share within 0.5 G, coverage, of estimate and count.

    Weights of a classifier, or of whole images, are always counted as the paper counts.
    """
    from gdest.cli.run_learn import run_evaluate

    raise typer.Exit(run_evaluate(data, settings, weights, out, paper=paper))


@command(
    "gdest calibrate labels.csv --out mine.safetensors",
    "gdest calibrate fields --out mine.safetensors --um-per-px 0.3698",
    exits=WRITTEN,
)
def calibrate(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Five or more counted fields of one steel, labelled as for train.")
    ],
    out: NewWeights,
    settings: Annotated[GradeSettings, Asked(only=("um_per_px", "device", "precision"))],
    weights: Weights = None,
) -> None:
    """Take the bias off that your own counted fields prove, and give the interval that they leave.

    The network and its judge stay as they are. Each field is also calibrated by the others, to show what it brings.
    """
    require(out.suffix == ".safetensors", MUST_BE_WEIGHTS)
    from gdest.cli.run_learn import run_calibrate

    raise typer.Exit(run_calibrate(data, out, settings, weights))


@command(
    "gdest synth pictures --count 50",
    "gdest synth DATA --grades seen --label-maps --workers 8",
    exits=exits(ExitCode.USAGE, ExitCode.INTERRUPTED, done="done"),
)
def synth(
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to write to.")],
    settings: SynthSettings,
    count: Annotated[
        int | None, typer.Option(metavar="N", help="Number of micrographs; otherwise 10, or the paper's number.")
    ] = None,
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Size in px.")] = "1280x960",
    grades: Annotated[
        str | None,
        typer.Option(
            metavar="|".join((*GRADE_SETS, "G,G,...")),
            help="Folders of single grades: the paper's sets (242, 668), or such as 4,4.5,5.",
            autocompletion=choices(tuple(GRADE_SETS)),
        ),
    ] = None,
) -> None:
    """Make synthetic micrographs of exactly known G, with labels.csv."""
    rows, cols = read_size(size)
    listed, usual = _grades(grades)
    count = usual if count is None else count
    settings = replace(settings, count=count, rows=rows, cols=cols, grades=listed)
    from gdest.cli.run_learn import run_synth

    raise typer.Exit(run_synth(out, settings))


def _grades(words: str | None) -> tuple[tuple[float, ...], int]:
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


@command(
    "gdest study DATA --unseen DATA2 --out study",
    "gdest study DATA --out study --configs 'reg-resnet18-*' --seeds 3 --epochs 100",
    exits=WRITTEN,
)
def study(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Labelled micrographs of the seen grades, as for train.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for runs.csv, figures, tables and study.md.")
    ],
    settings: StudySettings,
    unseen: Annotated[
        Path | None, typer.Option(metavar="DATA", help="Labelled micrographs of grades not trained on.")
    ] = None,
) -> None:
    """Run the paper's comparisons over seeds; an interrupted study goes on where it stopped."""
    from gdest.cli.run_study import run_study

    raise typer.Exit(run_study(data, out, settings, unseen))
