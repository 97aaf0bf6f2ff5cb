"""The app, and the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Grade etched-steel micrographs: ASTM grain size number G, with interval, homogeneity and heatmap.",
)

UmPerPx = Annotated[Optional[float], typer.Option(help="Pixel size of every image, um per px.")]
Magnification = Annotated[Optional[float], typer.Option(help="Magnification on the camera; needs --camera-um.")]
CameraUm = Annotated[
    Optional[float],
    typer.Option(help="Pitch of the camera's pixels in um; alone, a magnification in a file's name counts (_200x)."),
]
ReadScaleBar = Annotated[
    bool, typer.Option("--read-scale-bar", help="Find a burnt-in scale bar and read the number beside it.")
]
ScaleBarUm = Annotated[
    Optional[float], typer.Option(help="Length of the burnt-in scale bars in um, instead of reading the number.")
]
Weights = Annotated[Optional[Path], typer.Option(help="Weights file; without it the bundled weights.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Precision = Annotated[str, typer.Option(help="auto, fp32 or bf16; auto takes bf16 where the machine computes in it.")]
Stride = Annotated[int, typer.Option("--stride", help="Distance between tiles in px; 112 halves the map's step.")]
BatchSize = Annotated[int, typer.Option("--batch", help="Tiles per pass; 0 for what is fastest here.")]
CrossCheck = Annotated[
    bool, typer.Option("--cross-check", help="Count intercepts as well; review where they differ by more than 1 G.")
]
Config = Annotated[Optional[Path], typer.Option(help="Rules of the archive, gdest.toml.")]
MaxMegapixels = Annotated[float, typer.Option(help="Refuse larger images.")]
