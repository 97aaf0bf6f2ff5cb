"""Write `index.html`, one page that needs nothing but the folder it lies in.

Its tables are DataTables, which itables bundles for use without a network. A Jinja2 template makes the page and
escapes every name.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment
from markupsafe import Markup

from gdest.core import how_many, write_atomically
from gdest.reports.by_specimen import identity
from gdest.reports.column import Cell, Column, columns_in
from gdest.reports.columns import COLUMNS
from gdest.reports.lettering import FOOTER_PX, HEADER_PX
from gdest.reports.limits import Limit
from gdest.reports.limits_found import told_limits
from gdest.reports.links import Links
from gdest.reports.marks import LOOKS
from gdest.reports.no_metal import as_shown
from gdest.reports.record import NOTE, Record, counted_caution
from gdest.reports.rows import Rows
from gdest.reports.scale import BAR_PX
from gdest.reports.specimen_columns import SPECIMEN_COLUMNS

SCRIPTS = ("nodes.js", "viewer.js", "page.js")
PLACES: tuple[Literal["gallery", "details"], ...] = ("gallery", "details")

MOST_ROWS = 100_000
"""Micrographs that a browser holds: so many open in 5 s in Chromium and take 0.2 GB of its memory on two busy cores."""

MEASURES = ("width_px", "height_px", "um_per_px")
"""What the um bar is made of."""


def write_gallery(record: Record, specimens: Rows, limits: Sequence[Limit], path: Path) -> None:
    """Write the page, which links to the pictures beside it; raise `OutputError`.

    Of more micrographs than a browser holds it shows none, but says where they can be read.
    """
    fits = len(record.table) <= MOST_ROWS
    shown = replace(record, table=record.table if fits else [])
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    parts = files("gdest.reports") / "gallery_page"
    template = environment.from_string((parts / "page.html").read_text(encoding="utf-8"))
    page = template.render(
        record=record,
        count=how_many(len(record.table), "micrograph"),
        most=None if fits else MOST_ROWS,
        note=f"{NOTE} {counted_caution('it')}" if shown.counts("grains_counted") else NOTE,
        limits=told_limits(record, limits),
        data=_inert_json(_data(shown, specimens if fits else [], Links(path.parent, record))),
        style=Markup((parts / "page.css").read_text(encoding="utf-8")),
        scripts=[Markup((parts / name).read_text(encoding="utf-8")) for name in SCRIPTS],
        table_style=Markup(_bundled("dt_bundle.css").decode().replace("</", "<\\/")),
        table_script=base64.b64encode(_bundled("dt_bundle.js")).decode("ascii"),
    )
    write_atomically(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))


def _bundled(name: str) -> bytes:
    """Return a file that itables brings; it is not imported, since it would read the settings of whoever runs gdest."""
    found = find_spec("itables")
    folders = found.submodule_search_locations if found else None
    return Path(next(iter(folders or ())), "html", name).read_bytes()


def _inert_json(data: object) -> Markup:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _data(record: Record, specimens: Rows, links: Links) -> dict[str, Any]:
    """Return what the page's script shows; a row is its cells, its links and the place of its specimen."""
    table, details = (columns_in(place, COLUMNS) for place in PLACES)
    of_specimens, specimen_details = (columns_in(place, SPECIMEN_COLUMNS) for place in PLACES)
    number = {identity(row): place for place, row in enumerate(specimens)}
    return {
        "columns": [_look(column) for column in table],
        "details": [_look(column) for column in details],
        "rows": [
            [
                *_cells(row, [*table, *details]),
                *_links(str(row["file"]), links),
                *(row.get(name) for name in MEASURES),
                number.get(identity(row)),
            ]
            for row in map(as_shown, record.table)
        ],
        "specimenColumns": [_look(column) for column in of_specimens],
        "specimenDetails": [_look(column) for column in specimen_details],
        "specimens": [[*_cells(row, [*of_specimens, *specimen_details]), place] for place, row in enumerate(specimens)],
        "csv": record.csv,
        "frame": {"bar": BAR_PX, "header": HEADER_PX, "footer": FOOTER_PX},
        "marks": [(look.name, f"rgb{look.colour}") for look in LOOKS.values()],
    }


def _look(column: Column) -> dict[str, object]:
    looks = {"decimals": column.decimals, "long": column.wrapped, "badge": column.badge}
    return {"name": column.name, "heading": column.heading, **looks}


def _cells(row: Mapping[str, Cell], columns: Sequence[Column]) -> list[Cell]:
    return [row.get(column.name) for column in columns]


def _links(file: str, links: Links) -> list[str | None]:
    pictures = [links.thumbnail(file), links.preview(file), links.heatmap(file), links.overlay(file), links.layer(file)]
    return [*pictures, links.micrograph(file)]
