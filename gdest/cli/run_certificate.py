"""Write certificates of the specimens of a scan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gdest.core import ExitCode, Section, SettingsError, fitting_name, named, naming, path_named, read_config, say
from gdest.reports import (
    CERTIFICATES,
    Cell,
    Laboratory,
    Record,
    Rows,
    keep_hash,
    read_laboratory,
    read_record,
    read_rules,
    specimens_of,
    write_certificate,
)

MOST_CHARACTERS = 100


def run_certificate(
    folder: Path, specimen: str | None, heat: str | None, out: Path | None, config: Path | None, *, every: bool
) -> ExitCode:
    """Write the certificate of one specimen or of all of them; return the exit code."""
    if every == (specimen is not None):
        raise SettingsError("Give --specimen NAME for one certificate, or --all for one of every specimen.")
    if every and out is not None:
        raise SettingsError("--out names the PDF of one specimen; leave it out with --all.")
    record, _ = read_record(folder)
    laboratory = _laboratory(record, config)
    limits = read_rules({Section.LIMIT: record.sections.get(Section.LIMIT)}, folder).limits
    specimens = specimens_of(record, limits)
    chosen = specimens if every else [_chosen(specimens, str(specimen), heat)]
    if not chosen:
        raise SettingsError(f"{folder} has no specimens; say in gdest.toml, section [specimen], how a name gives one.")
    taken: set[Path] = set()
    for row in chosen:
        path = out or _free(folder / CERTIFICATES, row, taken)
        missing = write_certificate(record, row, limits, laboratory, folder, path)
        say(f"Written: {path}, SHA-256 {keep_hash(path, folder)}")
        if missing:
            say(
                f"No font has {missing}: install one, or name its folder as fonts in [certificate], and write it again."
            )
    return ExitCode.GRADED


def _laboratory(record: Record, config: Path | None) -> Laboratory:
    if config is None:
        return read_laboratory(record.sections.get(Section.CERTIFICATE), path_named(record.rules_folder))
    section = read_config(config).get(Section.CERTIFICATE)
    with naming(config):
        return read_laboratory(section, config.parent)


def _chosen(specimens: Rows, name: str, heat: str | None) -> dict[str, Cell]:
    """Return the one specimen of a name, and of a heat where that is given."""
    called = [row for row in specimens if row["specimen"] == name and heat in (None, row["heat"])]
    if len(called) == 1:
        return called[0]
    if called:
        heats = ", ".join(sorted({str(row["heat"] or "none") for row in called}))
        raise SettingsError(f"{len(called)} specimens are called {name}; add --heat (they have {heats}), or use --all.")
    known = named(sorted({str(row["specimen"]) for row in specimens})) or "none"
    raise SettingsError(f"There is no specimen {name}{f' of heat {heat}' if heat else ''}; there are: {known}.")


def _free(folder: Path, row: Mapping[str, Cell], taken: set[Path]) -> Path:
    """Return a path for a specimen's certificate: its name, and heat, without what a file's name may not hold."""
    words = " ".join(str(row[name]) for name in ("specimen", "heat") if row.get(name))
    stem = re.sub(r"[^\w .-]+", "_", words).strip(". ")[:MOST_CHARACTERS] or "specimen"
    path, number = folder / fitting_name(stem, ".pdf"), 1
    while path in taken:
        number += 1
        path = folder / fitting_name(f"{stem} ({number})", ".pdf")
    taken.add(path)
    return path
