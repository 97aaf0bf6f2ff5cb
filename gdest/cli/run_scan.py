"""Scan an archive, print what came out, and choose the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from signal import SIGINT

from gdest.cli.console import print_counts, print_forecast
from gdest.core import (
    ExitCode,
    GdestError,
    GradeSettings,
    OutputError,
    Status,
    exit_code,
    how_many,
    printable,
    say,
    say_always,
    say_where_quiet,
    warn,
)
from gdest.reports import Acceptance, Verdict
from gdest.scan import (
    Foreseen,
    Job,
    Journal,
    Results,
    ScanOutcome,
    ScanSettings,
    called,
    foresee,
    heard,
    prepare_scan,
    scan_archive,
    watch_archive,
)


def run_scan(
    roots: Sequence[Path],
    out: Path,
    settings: GradeSettings,
    weights: Path | None,
    config: Path | None,
    options: ScanSettings,
) -> ExitCode:
    """Scan once, or for ever with `watch`, or only print the plan with `dry_run`; return the exit code."""
    journal = Journal(options.log_file, roots=roots)
    try:
        job = prepare_scan(roots, out, settings, weights, config, options)
        if options.shard:
            say(f"Shard {options.shard.index} of {options.shard.count}.")
        if options.dry_run:
            return _print_plan(job)
        with heard(lambda number: _acknowledge(number, journal)) as stop:
            if not options.watch:
                return _conclude(scan_archive(job, stop), journal)
            watch_archive(job, stop, lambda outcome: _conclude(outcome, journal, watched=True))
            say(f"Stopped by {called(stop.signal)}.")
            journal.write("end", exit_code=_of_signal(stop.signal))
            return _of_signal(stop.signal)
    except KeyboardInterrupt:  # a second signal
        with suppress(OutputError):
            journal.write("end", exit_code=ExitCode.INTERRUPTED)
        raise
    except GdestError as error:
        with suppress(OutputError):  # of a log that cannot be written; the first error is the one to tell
            journal.write("error", sentence=str(error), exit_code=error.exit_code)
        raise


def _acknowledge(number: int, journal: Journal) -> None:
    """Say at once that a signal was heard, and log it: the files in hand may take a while."""
    again = "press Ctrl-C again" if number == SIGINT else "send it again"
    say(f"{called(number)}: stopping after the files in hand; {again} to stop at once.")
    journal.write("signal", signal=called(number))


def _print_plan(job: Job) -> ExitCode:
    """Print what would be done with each file and what is known of it, on standard output; the totals last.

    On a terminal it is a table, elsewhere lines of cells with tabs between them, below the names of the columns.
    """
    forecast = foresee(job)
    names = [one.name for one in fields(Foreseen)]
    rows = [[str(getattr(one, name)) for name in names] for one in forecast.files]
    if sys.stdout.isatty():
        print_forecast(names, rows)
    else:
        for line in (names, *rows):
            sys.stdout.write("\t".join(map(printable, line)) + "\n")
    for sentence in forecast.totals:
        say(sentence)
    return ExitCode.GRADED


def _conclude(outcome: ScanOutcome, journal: Journal, *, watched: bool = False) -> ExitCode:
    """Print what one scan did and log its end; return the exit code."""
    print_scan(outcome, watched=watched)
    code = scan_exit_code(outcome)
    if outcome.files_read and outcome.results and code in (ExitCode.PROBLEMS, ExitCode.NOTHING_GRADED):
        say_where_quiet(_needs_a_person(outcome.results))
    about = {"rows": dict(outcome.results.counts), "unfinished": outcome.results.unfinished} if outcome.results else {}
    journal.write("end", exit_code=code, files=outcome.files_read, seconds=round(outcome.seconds, 1), **about)
    return code


def _needs_a_person(results: Results) -> str:
    """Return the one line that a nightly job is read by: how many rows need a person, and where they are named."""
    rows = sum(results.counts.values())
    bad = rows - results.counts.get(Status.GRADED, 0)
    return f"{bad} of {how_many(rows, 'micrograph')} failed, need review or have no pixel size: {results.reports[0]}"


def print_scan(outcome: ScanOutcome, *, watched: bool = False) -> None:
    """Print what one scan did, and what the output folder now holds; who watches has been told each row already."""
    results, done, seconds = outcome.results, outcome.files_read, outcome.seconds
    if outcome.signal:
        what = "the reports hold what was done" if results else "nothing was done yet"
        say(f"Stopped by {called(outcome.signal)}; {what}.")
    if results is None:
        return
    print_results(results, rejects=outcome.rejected > 0, watched=watched)
    rate = f" ({done / max(seconds, 1e-9):.1f}/s)" if done > 1 else ""
    say(f"{how_many(done, 'file')} read in {seconds:.1f} s{rate}")
    names = ", ".join(map(str, results.reports))
    say(f"Written: {names}" if results.written else f"Nothing new; {names} are up to date.")


def scan_exit_code(outcome: ScanOutcome) -> ExitCode:
    """Return the exit code of a scan: that of its signal, else 6 when something fails a limit, else by its rows."""
    if outcome.signal:
        return _of_signal(outcome.signal)
    if outcome.rejected:
        return ExitCode.REJECTED
    if outcome.results is None:
        return exit_code({})
    code = exit_code(outcome.results.counts)
    return ExitCode.PROBLEMS if code == ExitCode.GRADED and outcome.results.unlisted else code


def print_results(results: Results, *, rejects: bool = False, watched: bool = False) -> None:
    """Print which rows need a person, the number of rows by status, and what the limits found.

    First comes how many micrographs belong to no specimen; that the scan is unfinished stands last, where it is read.
    With `rejects` what fails is named also where gdest is quiet. Rows that were `watched` are only counted.
    """
    say_unassigned(results.unassigned, sum(results.counts.values()))
    print_counts(results.counts, None if watched else results.problems)
    if results.acceptance:
        say_acceptance(results.acceptance, rejects=rejects)
    if results.again:
        files = how_many(results.again, "file")
        say(f"{files} could not be read for a reason that may pass; the next scan tries again.")
    if results.unfinished:
        warn(results.unfinished)


def say_unassigned(left: int, total: int) -> None:
    """Say how many micrographs the rule for specimens does not cover: a slip in a pattern or a CSV shows so."""
    if left:
        belong = "belongs" if left == 1 else "belong"
        say(f"{left} of {how_many(total, 'micrograph')} {belong} to no specimen by the rule in gdest.toml.")


def say_acceptance(said: Acceptance, *, rejects: bool) -> None:
    """Say what each limit applied to, the verdicts, and by name what fails; that also quietly where it `rejects`."""
    tell = say_always if rejects else say
    for number, sentence in enumerate(said.limits, start=1):
        say(f"Limit {number}: {sentence}.")
    for kind, verdicts in said.verdicts.items():
        if verdicts:
            say(f"{kind.capitalize()}s: {', '.join(f'{verdicts[one]} {one}' for one in Verdict if verdicts[one])}.")
    for sentence in said.failing:
        tell(sentence)
    if said.failures > len(said.failing):
        tell(f"... and {said.failures - len(said.failing)} more fail; the reports name each.")


def _of_signal(number: int) -> ExitCode:
    """Return 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP, as a shell would."""
    return ExitCode(128 + number)
