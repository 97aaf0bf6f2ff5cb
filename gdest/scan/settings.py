"""Say which files of an archive a scan takes, how it works and what it writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from gdest.core import POSITIVE, Option, Panel, at_least, check_fields, require, slashed
from gdest.reports import ReportSettings
from gdest.scan.shards import Shard, read_shard


@dataclass(frozen=True)
class ScanSettings:
    """Say which files of an archive a scan takes, how it works and what it writes beside the ledger.

    `include` and `exclude` are globs on the relative path, `since` a date or a span such as `7d`, `shard` the
    part of the archive. `watch` takes a file when its size has been the same for `settle_s`. With `moved` a ledger of
    other folders is taken for that of these. `workers` are processes of this machine, 1 for the scan's own alone.
    """

    heatmaps: Annotated[bool, Option("Write a heatmap PNG for each micrograph.")] = True
    force: Annotated[bool, Option("Grade again what the ledger knows.", panel=Panel.SELECTION)] = False
    fail_on_reject: Annotated[bool, Option("Exit code 6 when a limit fails.")] = False
    dry_run: Annotated[
        bool, Option("Tell of each file what would be done, its pixel size, specimen and limits; do nothing.")
    ] = False
    log_file: Annotated[Path | None, Option("Append one JSON object per line.", panel=Panel.NIGHTLY)] = None
    include: Annotated[
        tuple[str, ...], Option("Take only paths that fit, as 'oven*/*.tif'.", panel=Panel.SELECTION, shown="GLOB")
    ] = ()
    exclude: Annotated[
        tuple[str, ...], Option("Leave paths that fit; * also crosses folders.", panel=Panel.SELECTION, shown="GLOB")
    ] = ()
    since: Annotated[
        str | None,
        Option("Take files changed since 2026-11-01, or in 7d, 12h.", panel=Panel.SELECTION, shown="DATE"),
    ] = None
    limit: Annotated[
        int | None, Option("Grade at most so many files in this run.", at_least(1), panel=Panel.SELECTION)
    ] = None
    shard: Annotated[
        Shard | None,
        Option("Part I/N of the archive; in a SLURM array its own.", read=read_shard, panel=Panel.NIGHTLY, shown="I/N"),
    ] = None
    watch: Annotated[bool, Option("Go on, and grade files as they come.", panel=Panel.NIGHTLY)] = False
    poll_s: Annotated[
        float, Option("Seconds between two looks of --watch.", POSITIVE, flag="--poll", panel=Panel.NIGHTLY)
    ] = 30.0
    settle_s: Annotated[
        float,
        Option("Seconds a file must stay the same first.", at_least(0), flag="--settle", panel=Panel.NIGHTLY),
    ] = 30.0
    moved: Annotated[bool, Option("The archive lies elsewhere now: compare it by hash.", panel=Panel.SELECTION)] = False
    engine: Annotated[Literal["local", "ray"], Option("local, or ray for several machines.", panel=Panel.NIGHTLY)] = (
        "local"
    )
    address: Annotated[
        str | None, Option("A running Ray cluster; without it Ray starts here.", panel=Panel.NIGHTLY)
    ] = None
    reports: ReportSettings = ReportSettings()
    workers: Annotated[
        int,
        Option(
            "Processes that read, grade and draw; 0 for what is fastest here.",
            at_least(0),
            speed_only=True,
            panel=Panel.SPEED,
        ),
    ] = 0

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        check_fields(self)
        for name in ("include", "exclude"):
            object.__setattr__(self, name, tuple(map(slashed, getattr(self, name))))
        require(not (self.watch and (self.dry_run or self.force)), "--watch goes with neither --dry-run nor --force.")
        require(self.address is None or self.engine == "ray", "--address goes with --engine ray.")
        require(self.workers == 0 or self.engine == "local", "--workers goes with --engine local; Ray has its own.")
