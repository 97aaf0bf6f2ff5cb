"""Compare an output folder and its archive with the hashes in `run.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from gdest.core import Status, count_csv_lines, how_many, path_named, require
from gdest.reports.certificate_hashes import CERTIFICATES, read_hashes
from gdest.reports.pictures import picture_names
from gdest.reports.record import Record
from gdest.reports.record_file import RECORD_FILE, file_sha256, read_content, row_line

ALWAYS_WRITTEN = ("results.csv", "results.xlsx", "index.html")
UNPROVEN = (
    f"Whoever may write into this folder can change {RECORD_FILE}, its hashes and the ledger together. Only the "
    f"SHA-256 of {RECORD_FILE}, kept elsewhere, would show it: gdest verify --sha256."
)


def differences(record: Record, reports: Mapping[str, str], out: Path, roots: Sequence[Path] = ()) -> Iterator[str]:
    """Yield one sentence for whatever is no longer what the record says, or what the record does not vouch for.

    That is its own rows, reports, weights, micrographs and pictures, and the certificates. `roots` are the folders
    where the archive lies now, in the order of the record's. Raises `SettingsError` for another number of them.
    """
    require(
        not roots or len(roots) == len(record.roots),
        f"The record has {len(record.roots)} scanned folders; give --root so often, in the order {record.roots}.",
    )
    yield from _own_differences(record, out)
    yield from _report_differences(record, reports, out)
    if record.weights and record.model_sha256:
        yield from _difference(f"weights {record.weights}", path_named(record.weights), record.model_sha256)
    else:
        yield "weights: the record does not say which"
    yield from _micrograph_differences(record, roots)
    yield from _picture_differences(record, out)
    yield from _certificate_differences(out)


def kept_elsewhere(record: Record, out: Path, kept: str) -> Iterator[str]:
    """Yield a sentence unless the record has the hash that somebody has kept elsewhere."""
    if file_sha256(out / RECORD_FILE) == kept.lower():
        return
    since = [entry.get("replaced") for entry in record.history]
    if kept.lower() not in since:
        yield f"{RECORD_FILE}: not the record of that SHA-256"
        return
    after = record.history[since.index(kept.lower()) :]
    last = after[-1]
    yield (
        f"{RECORD_FILE}: the record of that SHA-256 was written again since, {len(after)} times, last at "
        f"{last.get('written')} by {last.get('by')}; what stood in it cannot be told from here"
    )


def _own_differences(record: Record, out: Path) -> Iterator[str]:
    content = read_content(out)
    if "rows_sha256" not in content:
        yield f"{RECORD_FILE}: it has no hash of its own rows, as of an earlier gdest"
        return
    digest = sha256()
    for row in content["rows"]:
        digest.update(row_line(row).encode())
    if digest.hexdigest() != content["rows_sha256"]:
        yield f"{RECORD_FILE}: rows were changed, added or removed since the run"
    for name, count in Counter(str(row["file"]) for row in record.table).items():
        if count > 1:
            yield f"{name}: {count} rows in {RECORD_FILE}"


def _report_differences(record: Record, reports: Mapping[str, str], out: Path) -> Iterator[str]:
    specimens = ["specimens.csv"] if any(row.get("specimen") for row in record.table) else []
    for name in (*ALWAYS_WRITTEN, *specimens):
        if name in record.not_written:
            yield f"{name}: not written with the others: {record.not_written[name]}"
        elif name not in reports:
            yield f"{name}: the record has no hash of it"
    for name, known in reports.items():
        changed = list(_difference(name, out / name, known))
        yield from changed
        if name == "results.csv" and not changed and (rows := count_csv_lines(out / name)) != len(record.table):
            yield f"{name}: {rows} rows, {len(record.table)} in {RECORD_FILE}"


def _micrograph_differences(record: Record, roots: Sequence[Path]) -> Iterator[str]:
    places = [str(root) for root in roots] or record.roots
    gone = {number for number, place in enumerate(places) if not path_named(place).is_dir()}
    hashes: dict[Path, str] = {}
    not_there: Counter[int] = Counter()
    for row in record.table:
        name, known = str(row["file"]), row["sha256"]
        number, path = _place(record, name, places)
        if known is None:
            if row["status"] != Status.FAILED:
                yield f"{name}: the record has no hash of it"
        elif number in gone:
            not_there[number] += 1
        else:
            yield from _difference(name, path, str(known), hashes)
    for number, count in sorted(not_there.items()):
        yield (
            f"{places[number]}: this folder is not there, {how_many(count, 'micrograph')} not compared; "
            "where the archive has moved, give --root"
        )


def _place(record: Record, file: str, places: Sequence[str]) -> tuple[int, Path | None]:
    """Return which of the scanned folders a file lies below, and where; -1 and None where that is not known."""
    if len(places) == 1:
        return 0, replace(record, roots=(places[0],)).path_of(file)
    first, _, rest = file.partition("/")
    number = next((number for number, root in enumerate(record.roots) if Path(root).name == first), -1)
    return number, replace(record, roots=(places[number],)).path_of(rest) if number >= 0 else None


def _picture_differences(record: Record, out: Path) -> Iterator[str]:
    pictures = dict(record.pictures)
    for name, known in pictures.items():
        yield from _difference(name, out / name, known)
    for row in record.table:
        for name in picture_names(str(row["file"]), counted=True):
            if name not in pictures and (out / name).is_file():
                yield f"{name}: the record has no hash of it"


def _certificate_differences(out: Path) -> Iterator[str]:
    for name, known in read_hashes(out).items():
        yield from _difference(f"{CERTIFICATES}/{name}", out / CERTIFICATES / name, known.sha256)


def _difference(name: str, path: Path | None, known: str, hashes: dict[Path, str] | None = None) -> Iterator[str]:
    """Yield a sentence unless a file has the hash that is known; `hashes` are those that were taken before."""
    if path is None or not path.is_file():
        yield f"{name}: missing"
        return
    try:
        found = (hashes or {}).get(path) or file_sha256(path)
    except OSError as error:
        yield f"{name}: cannot be read ({error.strerror or error})"
        return
    if hashes is not None:
        hashes[path] = found
    if found != known:
        yield f"{name}: changed since the run"
