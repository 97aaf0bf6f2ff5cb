"""Say which files of an archive a scan takes, how it works and what it writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gdest.core import require
from gdest.scan.shards import Shard


@dataclass(frozen=True)
class ScanSettings:
    """Say which files of an archive a scan takes, how it works and what it writes beside the ledger.

    `force` grades again what is known; `heatmaps` draws one for each micrograph. `include` and
    `exclude` are globs on the relative path, `since` a date or `7d`, `limit` the most files graded in one
    run, `shard` the part of the archive. `watch` polls every `poll_s` seconds and takes a file when its size
    has been the same for `settle_s`. `engine` is local or ray; `address` that of a running Ray cluster.
    `fail_on_reject` asks for an exit code of its own when a limit fails.
    """

    heatmaps: bool = True
    force: bool = False
    fail_on_reject: bool = False
    dry_run: bool = False
    quiet: bool = False
    log_file: Path | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    since: str | None = None
    limit: int | None = None
    shard: Shard | None = None
    watch: bool = False
    poll_s: float = 30.0
    settle_s: float = 30.0
    engine: str = "local"
    address: str | None = None

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that cannot be meant."""
        require(self.limit is None or self.limit >= 1, "--limit must be at least 1.")
        require(self.poll_s > 0 and self.settle_s >= 0, "--poll must be positive, --settle not negative.")
        require(not (self.watch and (self.dry_run or self.force)), "--watch goes with neither --dry-run nor --force.")
        require(self.engine in ("local", "ray"), "--engine is local or ray.")
        require(self.address is None or self.engine == "ray", "--address goes with --engine ray.")
