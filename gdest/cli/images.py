"""What every command on single images does: check what it is given before weights are loaded, go on after a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from gdest.core import (
    Failed,
    GradeSettings,
    Micrograph,
    MicrographError,
    SettingsError,
    file_at,
    naming,
    now,
    read_config,
    with_pixel_size_rules,
)
from gdest.reading import require_scale_bar_reader, with_mixed_names

Made = TypeVar("Made")


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


def made_of_each(
    micrographs: Iterable[Micrograph | Failed], make: Callable[[Micrograph], Made]
) -> Iterator[Made | Failed]:
    """Yield what is made of each micrograph of a file; one of which nothing can be made costs no other."""
    for found in micrographs:
        if isinstance(found, Failed):
            yield found
            continue
        try:
            yield make(found)
        except MicrographError as error:
            yield Failed(found.file, str(error), found.sha256, now())
