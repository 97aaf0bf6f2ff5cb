"""Check what every command on single images is given, before any weights are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gdest.core import GradeSettings, SettingsError, file_at, naming, read_config, with_pixel_size_rules
from gdest.reading import require_scale_bar_reader, with_mixed_names


def settings_for(images: Sequence[Path], settings: GradeSettings, config: Path | None) -> GradeSettings:
    """Return the settings with the pixel sizes of a gdest.toml; raise `SettingsError` for what cannot be graded.

    Its globs are held against each path as the user gave it.
    """
    require_no_folder(images)
    require_scale_bar_reader(settings.calibration)
    sections = read_config(config)
    with naming(config):
        settings = with_pixel_size_rules(settings, sections)
    return with_mixed_names(settings, (file_at(path).name for path in images))


def require_no_folder(images: Sequence[Path]) -> None:
    """Raise `SettingsError` for a folder: it has a command of its own."""
    folder = next((path for path in images if path.is_dir()), None)
    if folder is not None:
        raise SettingsError(f"{folder} is a folder; use gdest scan {folder} --out results.")
