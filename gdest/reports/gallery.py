"""Write `index.html`, one page that needs nothing but the folder it lies in.

The table is DataTables, as itables bundles it for use without a network; the page itself comes from a Jinja2
template with every name escaped.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from gdest.core import write_atomically
from gdest.reports.assign import identity
from gdest.reports.heatmap import BAR_PX, heatmap_name
from gdest.reports.limits import Limit
from gdest.reports.pictures import preview_name, thumbnail_name
from gdest.reports.run import NOTE, STATUSES, VERDICTS, Run
from gdest.reports.table import Cell

COLUMNS = ("file", "status", "verdict", "g", "g_low", "g_high", "homogeneity", "specimen", "um_per_px", "reason")
TOLD = ("homogeneity_note", "area_by_half_g", "verdict_reason", "um_per_px_source", "mean_intercept_um", "g_intercept")
"""Cells that are shown when a micrograph is opened."""

SPECIMEN_COLUMNS = (
    *("specimen", "heat", "verdict", "fields", "g", "g_low", "g_high"),
    *("relative_accuracy", "homogeneity", "flags"),
)


def write_gallery(run: Run, specimens: Sequence[Mapping[str, Cell]], limits: Sequence[Limit], path: Path) -> None:
    """Write the page beside the results; raise `OutputError`. Pictures are linked, not contained."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    parts = files("gdest.reports") / "gallery_page"
    template = environment.from_string((parts / "page.html").read_text(encoding="utf-8"))
    verdicts, statuses = run.counts("verdict"), run.counts("status")
    page = template.render(
        run=run,
        note=NOTE,
        counts=[(name, statuses[name]) for name in STATUSES if statuses[name]],
        verdicts=[(name, verdicts[name]) for name in VERDICTS if verdicts[name]],
        limits=[limit.text for limit in limits],
        data=_inert_json(_data(run, specimens, path.parent)),
        style=Markup((parts / "page.css").read_text(encoding="utf-8")),
        script=Markup((parts / "page.js").read_text(encoding="utf-8")),
        table_style=Markup(_bundled("dt_bundle.css").decode().replace("</", "<\\/")),
        table_script=base64.b64encode(_bundled("dt_bundle.js")).decode("ascii"),
    )
    write_atomically(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))


def _bundled(name: str) -> bytes:
    return (files("itables") / "html" / name).read_bytes()


def _inert_json(data: object) -> Markup:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _data(run: Run, specimens: Sequence[Mapping[str, Cell]], folder: Path) -> dict[str, Any]:
    number = {identity(row): place for place, row in enumerate(specimens)}
    return {
        "columns": COLUMNS,
        "told": TOLD,
        "rows": [
            [row.get(name) for name in (*COLUMNS, *TOLD)]
            + [*_pictures(str(row["file"]), folder), number.get(identity(row))]
            for row in run.table
        ],
        "specimenColumns": SPECIMEN_COLUMNS,
        "specimens": [[row.get(name) for name in SPECIMEN_COLUMNS] + [place] for place, row in enumerate(specimens)],
        "bar": BAR_PX,
    }


def _pictures(file: str, folder: Path) -> list[str | None]:
    """Return the links to thumbnail, micrograph and heatmap, None for those that do not exist."""
    names = (thumbnail_name(file), preview_name(file), heatmap_name(file))
    return [quote(name) if (folder / name).is_file() else None for name in names]
