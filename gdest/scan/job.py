"""Check what a scan is asked to do, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gdest.core import (
    LEDGER,
    LOCK,
    GradeSettings,
    SettingsError,
    answer_settings,
    naming,
    read_config,
    require,
    with_pixel_size_rules,
)
from gdest.model import EngineChoice, ModelFile, check_for_grading, choose_engine, read_model_file, weights_path
from gdest.reading import require_scale_bar_reader, with_mixed_names
from gdest.reports import PICTURE_FOLDERS, Record, csv_style, read_rules
from gdest.scan.archive import Archive, look
from gdest.scan.exporting import begin_record
from gdest.scan.locking import require_ours
from gdest.scan.selection import select
from gdest.scan.settings import ScanSettings
from gdest.scan.shards import require_one_split


@dataclass(frozen=True)
class Job:
    """Hold what a scan is asked to do: grade what lies below the roots into `out`, by a model and settings.

    `settings` have the rules of gdest.toml; `engine` is what this machine
    computes with; `out` is the shard's own folder for a shard; `record` is
    what the reports tell beside their rows; `seen` is the archive where it had to be looked at already; `config` is
    the gdest.toml, by whatever name it was given.
    """

    roots: tuple[Path, ...]
    out: Path
    settings: GradeSettings
    options: ScanSettings
    model: ModelFile
    engine: EngineChoice
    record: Record
    seen: Archive | None = None
    config: Path | None = None

    @property
    def answer_settings(self) -> dict[str, object]:
        """Return all that changes an answer beside the weights: settings, engine, precision and device."""
        return {**answer_settings(self.settings), **asdict(self.engine)}


def prepare_scan(
    roots: Sequence[Path],
    out: Path,
    settings: GradeSettings,
    weights: Path | None = None,
    config: Path | None = None,
    options: ScanSettings = ScanSettings(),
) -> Job:
    """Return the job of scanning the roots into `out`; `weights` None for the bundled ones, `config` a gdest.toml.

    Raises `SettingsError` for a root that is not a folder, for results that would go into a root, for
    shards of another split, and for a wrong gdest.toml; `WeightsError` for weights that cannot be used,
    `OutputError` for an output folder that belongs to another user.
    """
    require_scale_bar_reader(settings.calibration)
    sections = read_config(config)
    with naming(config):
        settings = with_pixel_size_rules(settings, sections)
        rules = read_rules(sections, config.parent if config else Path())  # raises here, not after hours of grading
        style = csv_style(options.reports, sections)
        for limit in rules.limits:
            decidable = settings.count or not limit.needs_count
            require(decidable, f'the limit "{limit.rule}" cannot be decided with --no-count.')
    _check_folders(roots, out)
    if options.shard:
        require_one_split(options.shard, out)
    seen = look(roots) if settings.calibration.states_a_size else None
    if seen:
        chosen = select(seen.files, replace(options, shard=None, since=None)).taken
        settings = with_mixed_names(settings, (file.name for file in chosen))
    model = read_model_file(weights_path(weights))
    check_for_grading(model.name, model.card)
    engine = choose_engine(settings, model.card)
    to = options.shard.folder(out) if options.shard else out
    if to.is_dir():
        require_ours(to, LOCK, LEDGER, *PICTURE_FOLDERS)
    record = replace(begin_record(model, settings, engine, roots, sections, config), csv=style)
    return Job(tuple(roots), to, settings, options, model, engine, record, seen, config)


def _check_folders(roots: Sequence[Path], out: Path) -> None:
    for root in roots:
        require(root.exists(), f"{root} cannot be found; is the archive connected?")
        if not root.is_dir():
            raise SettingsError(f"{root} is not a folder; for single images use gdest analyze.")
        if out.resolve().is_relative_to(root.resolve()):
            raise SettingsError(f"The results cannot go into the scanned folder {root}; choose another --out.")
