"""The commands that report: words become settings, one call, an exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gdest.cli.help import exits
from gdest.cli.options import Weights, command
from gdest.core import ExitCode
from gdest.reports import ReportSettings

OutFolder = Annotated[Path, typer.Argument(metavar="RESULTS", help="The --out folder of a scan.")]


@command(
    "gdest report results",
    "gdest report results --config other.toml --fail-on-reject",
    exits=exits(ExitCode.USAGE, ExitCode.REJECTED, done="written"),
)
def report(
    folder: OutFolder,
    settings: ReportSettings,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Another gdest.toml: its specimens and limits replace the scan's."),
    ] = None,
    fail_on_reject: Annotated[bool, typer.Option("--fail-on-reject", help="Exit code 6 when a limit fails.")] = False,
) -> None:
    """Write every report of a scan again from its stored results, without the network."""
    from gdest.cli.run_reports import run_report

    raise typer.Exit(run_report(folder, config, settings, fail_on_reject=fail_on_reject))


@command(
    "gdest certificate results --specimen P1",
    "gdest certificate results --all --config laboratory.toml",
    exits=exits(ExitCode.USAGE, done="written"),
)
def certificate(
    folder: OutFolder,
    specimen: Annotated[
        str | None, typer.Option(metavar="NAME", help="The specimen, as specimens.csv names it.")
    ] = None,
    heat: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its heat, where several have a specimen of this name.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="A certificate of every specimen.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            *("--out", "-o"),
            metavar="FILE",
            help="The PDF; without it certificates/SPECIMEN.pdf in the folder of the scan.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Another gdest.toml: what it says of certificates replaces the scan's."),
    ] = None,
) -> None:
    """Write the certificate of a specimen, a PDF on A4 to sign, or with --all of every specimen."""
    from gdest.cli.run_certificate import run_certificate

    raise typer.Exit(run_certificate(folder, specimen, heat, out, config, every=every))


@command(
    "gdest verify results",
    "gdest verify results --root /archive-moved --sha256 3f0c...",
    exits=exits(
        *(ExitCode.USAGE, ExitCode.PROBLEMS),
        done="nothing has changed",
        problems="something has changed, or lacks the hash that it should have; each is named",
    ),
)
def verify(
    folder: OutFolder,
    root: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Where a scanned folder lies now, if it moved; once for each, in order."),
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(metavar="HASH", help="The SHA-256 of run.json that you kept elsewhere.")
    ] = None,
) -> None:
    """Compare reports, pictures, weights, micrographs and certificates with their hashes; name what has changed."""
    from gdest.cli.run_reports import run_verify

    raise typer.Exit(run_verify(folder, root or (), sha256))


@command(
    "gdest info",
    "gdest info --weights mine.safetensors --json",
    exits=exits(ExitCode.WEIGHTS, done="printed"),
)
def info(
    weights: Weights = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object instead of lines.")] = False,
) -> None:
    """Print the version, the machine's devices and the model card of the weights."""
    from gdest.cli.run_info import run_info

    raise typer.Exit(run_info(weights, as_json=as_json))
