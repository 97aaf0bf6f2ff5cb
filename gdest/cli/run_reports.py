"""Write reports again from stored results, and compare them with the hashes in record.json."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from gdest.cli.run_scan import say_acceptance, say_unassigned
from gdest.core import ExitCode, Section, read_config, say
from gdest.reports import (
    RECORD_FILE,
    Rules,
    acceptance,
    differences,
    file_sha256,
    read_record,
    read_rules,
    rejected,
    write_reports,
)
from gdest.scan import unassigned


def run_report(folder: Path, config: Path | None, *, fail_on_reject: bool) -> ExitCode:
    """Write every report of an output folder again; return the exit code.

    Without another gdest.toml the micrographs keep their specimens and the scan's limits hold.
    """
    record, _ = read_record(folder)
    if config is None:
        rules = Rules(None, read_rules({Section.LIMIT: record.sections.get(Section.LIMIT)}, folder).limits)
    else:
        record = replace(record, sections=read_config(config))
        rules = read_rules(record.sections, config.parent)
    record = write_reports(record, rules, folder)
    say_unassigned(unassigned(record, rules), len(record.table))
    say_acceptance(acceptance(record, rules))
    say(f"{len(record.table)} micrographs, the reports in {folder} are written again.")
    return ExitCode.REJECTED if fail_on_reject and rejected(record, rules) else ExitCode.GRADED


def run_verify(folder: Path) -> ExitCode:
    """Print what has changed since the scan on standard output; return 0 when nothing has, else 3."""
    record, reports = read_record(folder)
    found = 0
    for sentence in differences(record, reports, folder):
        sys.stdout.write(f"{sentence}\n")
        found += 1
    hashed = sum(1 for row in record.table if row["sha256"])
    say(f"{RECORD_FILE}: SHA-256 {file_sha256(folder / RECORD_FILE)}, finished {record.finished}")
    say(f"{len(reports)} reports, the weights and {hashed} micrographs compared: {found or 'nothing'} changed.")
    return ExitCode.PROBLEMS if found else ExitCode.GRADED
