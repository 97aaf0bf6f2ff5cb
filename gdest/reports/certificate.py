"""Write the certificate of a specimen, a PDF on A4 to sign.

Typst sets it: its wheel needs no system package, it embeds the fonts, and its template is a text file that a
laboratory can replace. The template gets the content as JSON, and text of it is never taken for markup.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib
from matplotlib.ft2font import FT2Font

from gdest.core import SettingsError, in_plain_words, printable, write_atomically
from gdest.reports.certificate_content import content_of, representative
from gdest.reports.column import Cell
from gdest.reports.heatmap import heatmap_name
from gdest.reports.laboratory import Laboratory
from gdest.reports.lettering import bar_um
from gdest.reports.limits import Limit
from gdest.reports.overlay import overlay_name
from gdest.reports.pictures import preview_name
from gdest.reports.record import Record

LARGEST_BAR = 0.25
"""The um bar takes at most this share of a micrograph's width."""


def write_certificate(
    record: Record,
    specimen: Mapping[str, Cell],
    limits: Sequence[Limit],
    laboratory: Laboratory,
    folder: Path,
    path: Path,
) -> str:
    """Write the certificate of one specimen's row; return the characters in it that no installed font has.

    `folder` holds the run and its pictures, `limits` are all of the run's: the certificate tells of those that apply
    to its specimen or to the micrographs of it. Raises `SettingsError` where Typst is not installed or does not
    understand a template, `OutputError` where the file cannot be written.
    """
    try:
        import typst
    except ImportError as error:
        raise SettingsError("A certificate needs the extra certificate: pip install 'gdest[certificate]'.") from error
    content = content_of(record, specimen, limits, laboratory, folder)
    with TemporaryDirectory() as made:
        room = Path(made)
        content["pictures"] = _pictures(representative(record, specimen), folder, room)
        (room / "data.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        (room / "certificate.typ").write_text(_template(laboratory), encoding="utf-8")
        own = [laboratory.fonts] if laboratory.fonts else []
        fonts = typst.Fonts(font_paths=[str(Path(matplotlib.get_data_path(), "fonts", "ttf")), *own])
        try:
            pdf = typst.compile(
                str(room / "certificate.typ"),
                root=str(room),
                font_paths=fonts,
                pdf_standards="a-2b",
                timestamp=_time(record.closed),
            )
        except typst.TypstError as error:
            raise SettingsError(f"The certificate's template cannot be set: {' '.join(str(error).split())}.") from error
    write_atomically(path, lambda temporary: temporary.write_bytes(pdf))
    return letters_without_font(
        json.dumps(content, ensure_ascii=False), [one.path for one in fonts.fonts() if one.path]
    )


def letters_without_font(text: str, fonts: Sequence[str]) -> str:
    """Return the characters of a text that no font file has, each once."""
    missing = {ord(one) for one in text if one.isprintable()}
    for path in sorted(fonts, key=lambda path: "DejaVuSans.ttf" not in path):
        if not missing:
            break
        with suppress(RuntimeError):  # a font that FreeType does not read
            missing -= set(FT2Font(path).get_charmap())
    return "".join(map(chr, sorted(missing)))


def _template(laboratory: Laboratory) -> str:
    if not laboratory.template:
        return (files("gdest.reports") / "certificate_page" / "certificate.typ").read_text(encoding="utf-8")
    try:
        return Path(laboratory.template).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = f"{laboratory.template} cannot be read: {in_plain_words(error)}."
        raise SettingsError(f"[certificate] template: {why}") from error


def _time(finished: str) -> datetime | None:
    try:
        return datetime.fromisoformat(finished)
    except ValueError:
        return None


def _pictures(row: Mapping[str, Cell] | None, folder: Path, room: Path) -> dict[str, Any]:
    """Copy the pictures of a micrograph to where Typst may read; return their names there, and its um bar."""
    if row is None:
        return {}
    file = str(row["file"])
    found: dict[str, Any] = {"file": printable(file)}
    for kind, name in (("micrograph", preview_name), ("overlay", overlay_name), ("heatmap", heatmap_name)):
        source = folder / name(file)
        if os.path.isfile(source):
            found[kind] = f"{kind}{source.suffix}"
            shutil.copyfile(source, room / found[kind])
    width_px, um_per_px = row["width_px"], row["um_per_px"]
    if isinstance(width_px, (int, float)) and isinstance(um_per_px, (int, float)):
        width_um = width_px * um_per_px
        um = bar_um(LARGEST_BAR * width_um)
        found["bar"] = {"um": f"{um:g}", "share": um / width_um}
    return found
