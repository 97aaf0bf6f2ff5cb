"""Compare the ledger of an output folder with its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from gdest.core import LEDGER
from gdest.reports import ASSIGNED, RECORD_FILE, Cell, Record
from gdest.scan.database import DamagedLedgerError
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_damage import damaged_rows, is_sound


def ledger_differences(record: Record, out: Path) -> Iterator[str]:
    """Yield one sentence for each damaged or edited row of the ledger, and for each that the record has otherwise.

    Raises `OutputError` where there is no ledger.
    """
    try:
        with Ledger.look(out) as ledger:
            if not is_sound(ledger.database):
                yield f"{LEDGER}: damaged; the next scan makes a new one"
                return
            damaged = [name for _, _, name in damaged_rows(ledger.database)]
            yield from (f"{LEDGER}: the row of {name} is not as it was written" for name in damaged)
            if not damaged:
                yield from _rows_that_differ(record, ledger)
    except DamagedLedgerError as error:
        yield f"{LEDGER}: {error}"


def _rows_that_differ(record: Record, ledger: Ledger) -> Iterator[str]:
    run = ledger.last_run()
    if run is None or run.recipe.model_sha256 != record.model_sha256:
        yield f"{LEDGER}: its last scan is by other weights than {RECORD_FILE}"
        return
    told = {str(row["file"]): row for row in record.table}
    for row in ledger.rows(run.recipe.id, maps=False):
        name = str(row.cells["file"])
        known = told.pop(name, None)
        if known is None:
            yield f"{name}: in {LEDGER}, not in {RECORD_FILE}"
        elif _measured(known) != _measured(row.cells):
            yield f"{name}: {LEDGER} and {RECORD_FILE} say different things"
    yield from (f"{name}: in {RECORD_FILE}, not in {LEDGER}" for name in told)


def _measured(row: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return the cells that the reports do not fill, which a ledger has as well."""
    return {name: value for name, value in row.items() if name not in ASSIGNED and value is not None}
