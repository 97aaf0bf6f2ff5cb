"""Keep the hash of each certificate beside them, in the form that `sha256sum -c` reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gdest.core import as_output_error, named, write_atomically
from gdest.reports.record_file import RECORD_FILE, file_sha256

CERTIFICATES = "certificates"
HASHES = "SHA256SUMS"
OF_RECORD = re.compile(rf"# of {re.escape(RECORD_FILE)} ([0-9a-f]{{64}})")
LINE = re.compile(r"([0-9a-f]{64})  (.+)")


class Kept(NamedTuple):
    """Hold the SHA-256 of a certificate and of the record that it was written from."""

    sha256: str
    record: str


def keep_hash(path: Path, out: Path) -> str:
    """Return the SHA-256 of a certificate; keep that of one in the folder of certificates. Raise `OutputError`."""
    folder = out / CERTIFICATES
    with as_output_error(path):
        known = Kept(file_sha256(path), file_sha256(out / RECORD_FILE))
        kept = _read(folder / HASHES) if path.parent.resolve() == folder.resolve() else None
    if kept is not None:
        kept[path.name] = known
        lines = (f"# of {RECORD_FILE} {one.record}\n{one.sha256}  {name}\n" for name, one in sorted(kept.items()))
        text = "".join(lines)
        write_atomically(folder / HASHES, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return known.sha256


def read_hashes(out: Path) -> dict[str, Kept]:
    """Return what is known of the certificates of an output folder by their names, nothing where it cannot be read."""
    with suppress(OSError):
        return _read(out / CERTIFICATES / HASHES)
    return {}


def _read(path: Path) -> dict[str, Kept]:
    if not path.is_file():
        return {}
    found, record = {}, ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if said := OF_RECORD.fullmatch(line):
            record = said[1]
        elif (known := LINE.fullmatch(line)) and Path(known[2]).name == known[2]:
            found[known[2]] = Kept(known[1], record)
    return found


def notes_on_certificates(out: Path) -> Iterator[str]:
    """Yield which certificates no hash is known of, and which are of another record than that of today."""
    known, now = read_hashes(out), file_sha256(out / RECORD_FILE)
    unknown = sorted(path.name for path in (out / CERTIFICATES).glob("*.pdf") if path.name not in known)
    earlier = [name for name, one in known.items() if one.record != now]
    if unknown:
        yield f"{CERTIFICATES}: not compared, since {HASHES} has no hash of them: {named(unknown)}."
    if earlier:
        yield f"{CERTIFICATES}: written from an earlier {RECORD_FILE} than that of today: {named(earlier)}."
