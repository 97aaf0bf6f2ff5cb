"""Find what the reports link to, seen from the folder that they lie in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gdest.reports.heatmap import heatmap_name
from gdest.reports.overlay import layer_name, overlay_name
from gdest.reports.pictures import preview_name, thumbnail_name
from gdest.reports.record import Record


@dataclass(frozen=True)
class Links:
    """Find the micrographs of a record and their pictures; a link is percent-encoded and relative to `folder`."""

    folder: Path
    record: Record

    def micrograph(self, file: str) -> str | None:
        """Return the link to a micrograph, absolute on another drive; None when its folder is unknown."""
        path = self.record.path_of(file)
        if path is None:
            return None
        try:
            return _quoted(Path(os.path.relpath(path, self.folder.resolve())).as_posix())
        except ValueError:  # another drive
            return path.as_uri()

    def heatmap(self, file: str) -> str | None:
        """Return the link to the heatmap of a file; None when there is none."""
        return self._existing(heatmap_name(file))

    def overlay(self, file: str) -> str | None:
        """Return the link to the overlay of a file; None when nothing was counted."""
        return self._existing(overlay_name(file))

    def layer(self, file: str) -> str | None:
        """Return the link to the marks of a count alone; None when nothing was counted."""
        return self._existing(layer_name(file))

    def preview(self, file: str) -> str | None:
        """Return the link to the micrograph as a browser shows it; None when there is none."""
        return self._existing(preview_name(file))

    def thumbnail(self, file: str) -> str | None:
        """Return the link to the thumbnail of a file's heatmap; None when there is none."""
        return self._existing(thumbnail_name(file))

    def _existing(self, name: str) -> str | None:
        return _quoted(name) if os.path.isfile(self.folder / name) else None  # False also for a name too long


def _quoted(name: str) -> str:
    return quote(name, errors="replace")
