"""The commands that look at micrographs: words become settings, one call, an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdest.cli.help import exits
from gdest.cli.options import Config, Weights, command
from gdest.core import Asked, ExitCode, GradeSettings
from gdest.reports import ReportSettings
from gdest.scan import ScanSettings

Images = Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files; for whole folders: gdest scan.")]
EXPLAINED = Asked(
    only=("um_per_px", "magnification", "camera_um", "device", "stride_px", "batch", "max_megapixels"),
)
COUNTED = Asked(without=("read_timeout_s", "stride_px", "count"))
GRADED = (
    *(ExitCode.USAGE, ExitCode.PROBLEMS, ExitCode.NOTHING_GRADED, ExitCode.WEIGHTS),
    ExitCode.INTERRUPTED,
)
STOPPED = (ExitCode.HUNG_UP, ExitCode.TERMINATED)


@command(
    "gdest analyze image.tif",
    "gdest analyze *.jpg --um-per-px 0.3698 --heatmap",
    exits=exits(*GRADED),
)
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


@command(
    "gdest count image.tif --out counted",
    "gdest count image.tif --boundaries corrected.png --by Meier",
    exits=exits(*GRADED),
)
def count(
    images: Images,
    settings: Annotated[GradeSettings, COUNTED] = GradeSettings(count=True),
    config: Config = None,
    weights: Weights = None,
    boundaries: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Boundaries corrected by hand: dark lines on white, or a label TIFF."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who corrected them; without it the login name.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for the boundaries; created if missing.")
    ] = Path(),
    rois: Annotated[bool, typer.Option("--rois", help="Write the grains as ImageJ ROIs as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print an array of objects instead of a table.")] = False,
) -> None:
    """Count grains and write their boundaries: as a picture, labels, an overlay and GeoJSON."""
    from gdest.cli.run_count import run_count

    raise typer.Exit(run_count(images, settings, weights, config, boundaries, by, out, rois=rois, as_json=as_json))


@command(
    "gdest scan /archive --out results --config gdest.toml --dry-run",
    "gdest scan /archive/2025 /archive/2026 --out results --no-count",
    exits=exits(*GRADED, *STOPPED, ExitCode.REJECTED),
)
def scan(
    roots: Annotated[list[Path], typer.Argument(metavar="FOLDER", help="Folders, searched with all their subfolders.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for the results; created if missing.")
    ],
    settings: GradeSettings = GradeSettings(count=True),
    options: ScanSettings = ScanSettings(),
    config: Config = None,
    weights: Weights = None,
) -> None:
    """Grade every image below the folders; write results.csv, results.xlsx, index.html and heatmaps."""
    from gdest.cli.run_scan import run_scan

    raise typer.Exit(run_scan(roots, out, settings, weights, config, options))


@command(
    "gdest init /archive",
    "gdest init /archive/2025 /archive/2026 --out rules.toml",
    exits=exits(ExitCode.USAGE, ExitCode.NOTHING_GRADED, done="written"),
)
def init(
    roots: Annotated[list[Path], typer.Argument(metavar="FOLDER", help="Folders, as they will be scanned.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The file to write.")] = Path("gdest.toml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Look at an archive and write a gdest.toml to correct: specimens, pixel sizes, magnifications."""
    from gdest.cli.run_init import run_init

    raise typer.Exit(run_init(roots, out, force=force))


@command(
    "gdest merge results",
    "gdest merge results node-1/results node-2/results",
    exits=exits(
        *(ExitCode.USAGE, ExitCode.PROBLEMS, ExitCode.NOTHING_GRADED),
        problems="a shard is missing or unfinished, or micrographs failed or need review",
    ),
)
def merge(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Output folder of the shards; the joined results go here.")
    ],
    settings: ReportSettings,
    shards: Annotated[
        list[Path] | None, typer.Argument(metavar="SHARD", help="Shard folders; without them OUT/shards/*.")
    ] = None,
) -> None:
    """Join the shards of a scan; name what is missing and what was graded twice."""
    from gdest.cli.run_merge import run_merge

    raise typer.Exit(run_merge(out, shards or (), settings))


@command(
    "gdest explain image.tif",
    "gdest explain image.tif --um-per-px 0.3698 --weights classifier.safetensors",
    exits=exits(
        *(ExitCode.USAGE, ExitCode.PROBLEMS, ExitCode.NOTHING_GRADED, ExitCode.WEIGHTS),
        done="every micrograph drawn",
        problems="some images cannot be read; each is named",
    ),
)
def explain(
    images: Images,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A classifier's weights; otherwise the bundled one.")
    ] = None,
    regressor: Annotated[Path | None, typer.Option(metavar="FILE", help="Weights of the grade map beside it.")] = None,
    settings: Annotated[GradeSettings, EXPLAINED] = GradeSettings(batch=64, max_megapixels=400.0),
) -> None:
    """Draw which grade a classifier sees at each pixel (arg-max GradCAM) beside the grade map."""
    from gdest.cli.run_explain import run_explain

    raise typer.Exit(run_explain(images, settings, weights, regressor))
