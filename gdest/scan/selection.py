"""Choose which files of an archive a scan takes, and say why not the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from gdest.core import ImageFile, SettingsError
from gdest.scan.archive import look_at
from gdest.scan.settings import ScanSettings

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True)
class Selection:
    """Hold the files taken, (file name, why not) of the others, and those of the others that other shards take."""

    taken: tuple[ImageFile, ...]
    left: tuple[tuple[str, str], ...]
    elsewhere: tuple[str, ...] = ()


def select(files: Sequence[ImageFile], options: ScanSettings) -> Selection:
    """Return the files that a scan may grade: by shard, by globs on the relative path, by time of change.

    In a glob `*` also crosses folders. Raises `SettingsError` for a `since` that is not a date.
    """
    if not (options.include or options.exclude or options.since or options.shard):
        return Selection(tuple(files), ())
    since_ns = None if options.since is None else moment_ns(options.since, datetime.now(UTC))
    taken, left, elsewhere = [], [], []
    for file in files:
        if why := _why_not(file, options, since_ns):
            left.append((file.name, why))
        elif options.shard and not options.shard.holds(file.name):
            left.append((file.name, "belongs to another shard"))
            elsewhere.append(file.name)
        else:
            taken.append(file)
    return Selection(tuple(taken), tuple(left), tuple(elsewhere))


def _why_not(file: ImageFile, options: ScanSettings, since_ns: int | None) -> str:
    if options.include and not any(fnmatchcase(file.name, glob) for glob in options.include):
        return "matches no --include pattern"
    for glob in options.exclude:
        if fnmatchcase(file.name, glob):
            return f"excluded by {glob}"
    if since_ns is not None and 0 <= look_at(file).mtime_ns < since_ns:
        return f"older than --since {options.since}"
    return ""


def moment_ns(words: str, today: datetime) -> int:
    """Return the moment, in ns since 1970, of `2026-11-01`, `2026-11-01T06:00` (local time) or `7d`, `12h`, `30m` ago.

    Raises `SettingsError` for other words.
    """
    ago = re.fullmatch(r"(\d+)([dhm])", words)
    try:
        when = today - timedelta(**{UNITS[ago[2]]: int(ago[1])}) if ago else datetime.fromisoformat(words)
    except (ValueError, OverflowError) as error:
        raise SettingsError(
            f"--since {words} is not a date; give 2026-11-01, 2026-11-01T06:00, 7d, 12h or 30m."
        ) from error
    return int(when.timestamp() * 1e9)
