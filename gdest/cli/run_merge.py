"""Join the shards of a scan and print what came out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gdest.cli.run_scan import print_results
from gdest.core import ExitCode, exit_code, how_many, say, say_each
from gdest.reports import ReportSettings
from gdest.scan import MergeOutcome, merge_shards


def run_merge(out: Path, shards: Sequence[Path], settings: ReportSettings = ReportSettings()) -> ExitCode:
    """Join shard folders into `out`; return the exit code."""
    outcome = merge_shards(out, shards, settings)
    print_merge(outcome)
    return merge_exit_code(outcome)


def print_merge(outcome: MergeOutcome) -> None:
    """Print the joined results, and name the gaps and the files that were graded twice."""
    print_results(outcome.results)
    say_each(outcome.gaps)
    say_each([f"{name}: graded by more than one shard; the later row is kept" for name in outcome.doubled])
    shards, doubled = how_many(outcome.shards, "shard"), how_many(len(outcome.doubled), "file")
    say(f"{shards}: {doubled} graded twice, {how_many(len(outcome.gaps), 'gap')}.")
    say(f"Written: {', '.join(map(str, outcome.results.reports))}")


def merge_exit_code(outcome: MergeOutcome) -> ExitCode:
    """Return the exit code of the joined rows; 3 also when files are missing or were graded twice."""
    code = exit_code(outcome.results.counts)
    incomplete = bool(outcome.doubled or outcome.gaps)
    return ExitCode.PROBLEMS if code == ExitCode.GRADED and incomplete else code
