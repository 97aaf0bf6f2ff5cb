"""Count the grains of a few pictures, write the boundaries for other programs, and count what a person corrected."""

from __future__ import annotations

import getpass
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import isfinite, nan
from pathlib import Path

from gdest import grading
from gdest.cli.console import print_counted
from gdest.cli.counted_files import WRITTEN, Correction, Counted, require_correction, sha256_of, write_counted
from gdest.cli.images import made_of_each, settings_for
from gdest.cli.run_info import load_weights
from gdest.core import (
    ExitCode,
    Failed,
    GradeSettings,
    GrainCount,
    ImageFile,
    Micrograph,
    MicrographError,
    Status,
    __version__,
    escaped_json,
    exit_code,
    file_at,
    naming,
    now,
    read_config,
    require,
    say,
)
from gdest.grading import Predictor
from gdest.model import NetworkPredictor
from gdest.reading import read_micrographs
from gdest.reports import (
    Cell,
    CountedField,
    Rules,
    count_cells,
    counted_verdict,
    read_corrected,
    read_rules,
    require_rois,
)


def run_count(
    images: Sequence[Path],
    settings: GradeSettings,
    weights: Path | None,
    config: Path | None,
    boundaries: Path | None,
    by: str | None,
    out: Path,
    *,
    rois: bool,
    as_json: bool,
) -> ExitCode:
    """Count each image and write its boundaries into `out`; return the exit code.

    NAME.count.json says what was counted. What is counted on boundaries that a person corrected stands beside it, in
    NAME.corrected.count.json, with by whom and when. The limits of a gdest.toml on what is counted give a verdict.
    """
    correction = _correction(images, boundaries, by)
    if correction:
        require_correction(correction.path, file_at(images[0]).name, out)
    names = Counter(path.name for path in images)
    twice = next((name for name, count in names.items() if count > 1), None)
    require(twice is None, f"Two images are called {twice}; count them into two --out folders.")
    if rois:
        require_rois()
    settings, rules = settings_for(images, settings, config), _rules(config)
    files = [file_at(path) for path in images]
    predictor = NetworkPredictor(load_weights(weights), settings)
    table: list[dict[str, Cell]] = []
    for file in files:
        for found in _count_file(file, predictor, settings, correction):
            row = _row(found, predictor, correction)
            row |= counted_verdict(row, rules)
            table.append(row)
            if isinstance(found, Counted):
                write_counted(found, row, out, correction, rois=rois)
    if as_json:
        sys.stdout.write(escaped_json(json.dumps(table, indent=2, ensure_ascii=False)) + "\n")
    else:
        print_counted(table)
    return exit_code(Counter(str(row["status"]) for row in table))


def _rules(config: Path | None) -> Rules:
    """Return the rules of a gdest.toml that a count can follow, and say which limits these are."""
    if config is None:
        return Rules()
    with naming(config):
        rules = read_rules(read_config(config), config.parent)
    if rules.limits:
        counted = [limit.sentence for limit in rules.limits if limit.needs_count and "micrograph" in limit.on]
        say(f"Limits on what is counted: {'; '.join(counted) or 'none'}. Others are judged by gdest scan.")
    return rules


def _correction(images: Sequence[Path], boundaries: Path | None, by: str | None) -> Correction | None:
    if boundaries is None:
        require(by is None, "--by goes with --boundaries.")
        return None
    require(len(images) == 1, "--boundaries goes with one image.")
    if not by:
        with suppress(OSError, KeyError, ImportError):
            by = getpass.getuser()
    require(bool(by), "--boundaries needs --by NAME, since the login name is not known.")
    return Correction(boundaries, str(by), now())


def _count_file(
    file: ImageFile, predictor: Predictor, settings: GradeSettings, correction: Correction | None
) -> Iterator[Counted | Failed]:
    """Yield what was counted on each micrograph of a file; raise `DataError` for boundaries that do not fit it."""
    micrographs: Iterable[Micrograph | Failed] = read_micrographs(file, settings)
    if correction:
        micrographs = list(micrographs)
        require(len(micrographs) == 1, f"{file.name} holds several micrographs; --boundaries goes with one.")
    yield from made_of_each(
        micrographs, partial(_count_one, predictor=predictor, settings=settings, correction=correction)
    )


def _count_one(
    micrograph: Micrograph, predictor: Predictor, settings: GradeSettings, correction: Correction | None
) -> Counted:
    if micrograph.regions is not None:
        raise MicrographError("too large to be drawn in one piece; cut out a part of at most 100 megapixels")
    if correction:
        fields = [read_corrected(correction.path, micrograph)]
    else:
        fields = grading.boundary_fields(micrograph, predictor, settings)
    if not fields:
        raise MicrographError("the weights draw no boundaries; count with others, or correct a map by hand")
    count = grading.count_grains(fields, predictor.card)
    if micrograph.um_per_px is not None:
        count = grading.count_at_pixel_size(count, micrograph.um_per_px, predictor.card)
    if correction:  # a map of grain boundaries says nothing of these
        count = replace(count, twinned_share=nan, particle_share=nan)
    labels = grading.grain_labels
    return Counted(micrograph, count, tuple(CountedField(field, labels(field)) for field in fields))


def _row(found: Counted | Failed, predictor: NetworkPredictor, correction: Correction | None) -> dict[str, Cell]:
    """Return what is known of one micrograph, under the names of results.csv; None means not known."""
    row: dict[str, Cell] = {"file": "", "status": Status.FAILED, "reason": None}
    row |= dict.fromkeys(("um_per_px", "um_per_px_source", "width_px", "height_px", "sha256"))
    row |= {"model": predictor.name, "model_sha256": predictor.sha256, "gdest_version": __version__, "graded_at": now()}
    row |= dict.fromkeys(count_cells(GrainCount(), 1.0))
    row |= {"count_corrected_by": None, "count_corrected_at": None, "boundaries": None, "boundaries_sha256": None}
    row |= dict.fromkeys(WRITTEN)
    if isinstance(found, Failed):
        return row | {"file": found.file.name, "reason": found.reason, "sha256": found.sha256}
    micrograph, count = found.micrograph, found.count
    status, reason = _judged(micrograph, count)
    row |= {"file": micrograph.file.name, "status": status, "reason": reason, "sha256": micrograph.sha256}
    row |= {"um_per_px": micrograph.um_per_px, "um_per_px_source": micrograph.um_per_px_source or None}
    row |= {"width_px": micrograph.cols, "height_px": micrograph.rows, **count_cells(count, micrograph.um_per_px)}
    if correction:
        row |= {"count_corrected_by": correction.by, "count_corrected_at": correction.at}
        row |= {"boundaries": correction.path.as_posix(), "boundaries_sha256": sha256_of(correction.path)}
    return row


def _judged(micrograph: Micrograph, count: GrainCount) -> tuple[Status, str | None]:
    if micrograph.um_per_px is None:
        return Status.UNCALIBRATED, "; ".join((grading.UNKNOWN_PIXEL_SIZE, *micrograph.doubts))
    if not isfinite(count.g):
        return Status.REVIEW, count.note or "no count"
    doubts = [*micrograph.doubts, *grading.impossible(count.g, micrograph.um_per_px)]
    return (Status.REVIEW, "; ".join(doubts)) if doubts else (Status.GRADED, None)
