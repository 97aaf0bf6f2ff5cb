"""Write reports again from stored results, and compare them with the hashes in run.json."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from gdest.cli.run_scan import say_acceptance, say_unassigned
from gdest.core import LEDGER, ExitCode, Section, how_many, naming, printable, read_config, readable_name, say, warn
from gdest.reports import (
    PICTURE_FOLDERS,
    RECORD_FILE,
    UNPROVEN,
    Record,
    ReportSettings,
    Rules,
    acceptance,
    csv_style,
    differences,
    file_sha256,
    kept_elsewhere,
    notes_on_certificates,
    read_hashes,
    read_record,
    read_rules,
    write_reports,
)
from gdest.scan import ledger_differences, output_lock

OF_REPORTS = (Section.SPECIMEN, Section.LIMIT, Section.REPORTS)
"""The sections that reports follow; the others were followed when the micrographs were graded, and stay."""


OF_PICTURES = tuple(f"{folder}/" for folder in PICTURE_FOLDERS)


def run_report(
    folder: Path, config: Path | None, settings: ReportSettings = ReportSettings(), *, fail_on_reject: bool
) -> ExitCode:
    """Write every report of an output folder again; return the exit code.

    Without another gdest.toml the micrographs keep their specimens, and the scan's limits and style of CSV hold.
    """
    record, _ = read_record(folder)
    own: dict[str, Any] = {}
    if config is None:
        rules = Rules(None, read_rules({Section.LIMIT: record.sections.get(Section.LIMIT)}, folder).limits)
    else:
        others = {name: value for name, value in record.sections.items() if name not in OF_REPORTS}
        own = {name: value for name, value in read_config(config).items() if name in OF_REPORTS}
        record = replace(record, sections={**others, **own}, rules_folder=readable_name(str(config.parent.resolve())))
        with naming(config):
            rules = read_rules(own, config.parent)
    with naming(config):
        record = replace(record, csv=csv_style(settings, own, record.csv))
    with output_lock(folder):
        record = write_reports(record, rules, folder, "report")
    said = acceptance(record, rules)
    say_unassigned(said.unassigned, len(record.table))
    rejects = fail_on_reject and said.failures > 0
    say_acceptance(said, rejects=rejects)
    say(f"{how_many(len(record.table), 'micrograph')}, the reports in {folder} are written again.")
    if record.unfinished:
        warn(record.unfinished)
    return ExitCode.REJECTED if rejects else ExitCode.GRADED


def run_verify(folder: Path, roots: Sequence[Path] = (), kept: str | None = None) -> ExitCode:
    """Print what has changed since the scan on standard output; return 0 when nothing has, else 3.

    `roots` are the folders where a moved archive lies now, `kept` the SHA-256 of the record that somebody has noted.
    """
    record, reports = read_record(folder)
    findings = chain(differences(record, reports, folder, roots), _of_ledger(record, folder))
    if kept is not None:
        findings = chain(kept_elsewhere(record, folder, kept), findings)
    found, drawn = 0, False
    for sentence in findings:
        sys.stdout.write(f"{printable(sentence)}\n")
        found += 1
        drawn |= sentence.startswith(OF_PICTURES)
    for note in notes_on_certificates(folder):
        say(note)
    if drawn:
        say("A picture that changed is drawn again by the next scan once it is deleted.")
    hashed = sum(1 for row in record.table if row["sha256"])
    if record.unfinished:
        warn(record.unfinished)
    if hashed < len(record.table):
        unread = how_many(len(record.table) - hashed, "micrograph")
        say(f"{unread} could not be read by the scan: without a hash there is nothing to compare.")
    moment = f"stopped {record.stopped}" if record.unfinished else f"finished {record.finished}"
    say(f"{RECORD_FILE}: SHA-256 {file_sha256(folder / RECORD_FILE)}, {moment}")
    counts = {"report": len(reports), "picture": sum(1 for _ in record.pictures), "micrograph": hashed}
    counts["certificate"] = len(read_hashes(folder))
    known = ", ".join(how_many(count, what) for what, count in counts.items() if count)
    say(f"There are hashes of the weights, {known}. {_in_words(found)}")
    if kept is None:
        say(UNPROVEN)
    return ExitCode.PROBLEMS if found else ExitCode.GRADED


def _in_words(found: int) -> str:
    if not found:
        return "Nothing has changed since."
    return f"{found} {'difference is' if found == 1 else 'differences are'} named above."


def _of_ledger(record: Record, folder: Path) -> Iterator[str]:
    """Yield what the ledger says otherwise; a folder of reports may have been copied without it."""
    if (folder / LEDGER).is_file():
        yield from ledger_differences(record, folder)
    else:
        say(f"There is no {LEDGER} here to compare the record with.")
