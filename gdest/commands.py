"""What each command does once its words are settings: open, run, report."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from statistics import median

from rich.progress import Progress

from gdest import __version__, network
from gdest.archive import image_files
from gdest.console import STATUSES, Tally, errors, print_errors, print_rows, print_summary, progress, say
from gdest.errors import NothingGradedError, SettingsError, WeightsError
from gdest.heatmap import heatmap_name, write_heatmap
from gdest.network import LoadedModel
from gdest.pipeline import grade_micrographs, now
from gdest.predict import NetworkPredictor, has_fast_bf16
from gdest.records import Graded, ImageFile
from gdest.reports.csv import write_csv
from gdest.reports.table import Cell, ModelName
from gdest.reports.workbook import write_workbook
from gdest.settings import GradeSettings, SynthSettings, TrainSettings

BUNDLED = "austenite-resnet18.safetensors"
DRAW_AHEAD = 8
NOTE = (
    "G is an estimate by a trained network, not an E112 measurement; homogeneity is an indication, not an E1181 rating."
)


def weights_path(given: Path | None) -> Path:
    """Return the weights file that was asked for, or the one that travels with gdest."""
    if given is not None:
        return given
    for folder in (Path(__file__).parent / "weights", Path(__file__).parent.parent / "weights"):
        if (folder / BUNDLED).is_file():
            return folder / BUNDLED
    raise WeightsError(f"The bundled weights {BUNDLED} are missing; install gdest again or give --weights FILE.")


def load_weights(given: Path | None) -> LoadedModel:
    """Load the weights that were asked for, or the bundled ones."""
    return network.load(weights_path(given))


def run_scan(roots: Sequence[Path], out: Path, settings: GradeSettings, weights: Path | None, *, heatmaps: bool) -> int:
    """Grade every image below the roots into `out`; return the exit code.

    Reports are written at the end, and also when Ctrl-C ends the scan early.
    """
    for root in roots:
        if not root.is_dir():
            raise SettingsError(f"{root} is not a folder; for single images use gdest analyze.")
        if out.resolve().is_relative_to(root.resolve()):
            raise SettingsError(f"The results cannot go into the scanned folder {root}; choose another --out.")
    files = image_files(roots)
    if not files:
        raise NothingGradedError(f"No image found below {', '.join(map(str, roots))}.")
    began = time.monotonic()
    predictor = NetworkPredictor(load_weights(weights), settings)
    tally = Tally(ModelName(predictor.name, predictor.sha256))
    stopped = False
    try:
        _grade_all(files, predictor, settings, tally, out if heatmaps else None)
    except KeyboardInterrupt:
        say(f"Stopped by Ctrl-C; {'the reports hold what was done' if tally.table else 'nothing was done yet'}.")
        stopped = True
    finally:
        seconds = time.monotonic() - began
        if tally.table:  # older reports are not replaced by empty ones
            _write_reports(tally, _summary(tally, roots, predictor, seconds), out)
    if stopped and not tally.table:
        return 130
    print_summary(tally, seconds, f"{out / 'results.csv'}, {out / 'results.xlsx'}")
    return 130 if stopped else tally.exit_code()


def _write_reports(tally: Tally, summary: Sequence[tuple[str, Cell]], out: Path) -> None:
    table = sorted(tally.table, key=lambda row: str(row["file"]))
    write_csv(table, out / "results.csv")
    write_workbook(table, summary, out / "results.xlsx")


def _grade_all(
    files: Sequence[ImageFile], predictor: NetworkPredictor, settings: GradeSettings, tally: Tally, out: Path | None
) -> None:
    """Grade the files; heatmaps are drawn in a thread beside the network."""
    with ThreadPoolExecutor(1) as pool, progress("grading", len(files)) as advance:
        drawing: list[Future[None]] = []
        for row in grade_micrographs(files, predictor, settings):
            tally.add(row)
            if out is not None and isinstance(row, Graded):
                path = out / heatmap_name(row.micrograph.file.name)
                drawing.append(pool.submit(write_heatmap, row, path))
            while len(drawing) > DRAW_AHEAD or (drawing and drawing[0].done()):
                drawing.pop(0).result()
            advance(1)
        for future in drawing:
            future.result()


def _summary(
    tally: Tally, roots: Sequence[Path], predictor: NetworkPredictor, seconds: float
) -> list[tuple[str, Cell]]:
    """Return the lines of the workbook's summary sheet."""
    grades = [row["g"] for row in tally.table if row["status"] == "graded" and isinstance(row["g"], float)]
    lines: list[tuple[str, Cell]] = [("scanned folders", "\n".join(str(root) for root in roots))]
    lines += [("micrographs", len(tally.table)), *((status, tally.counts[status]) for status in STATUSES)]
    if grades:
        lines += [("coarsest G", round(min(grades), 1)), ("median G", round(median(grades), 1))]
        lines += [("finest G", round(max(grades), 1))]
    lines += [
        ("time taken, s", round(seconds, 1)),
        ("micrographs per second", round(len(tally.table) / max(seconds, 1e-9), 2)),
    ]
    lines += [("model", predictor.name), ("model_sha256", predictor.sha256), ("gdest_version", __version__)]
    return [*lines, ("finished at (UTC)", now()), ("note", NOTE)]


def run_analyze(
    images: Sequence[Path], settings: GradeSettings, weights: Path | None, *, heatmap: bool, as_json: bool
) -> int:
    """Grade single files and print them on standard output; return the exit code."""
    predictor = NetworkPredictor(load_weights(weights), settings)
    tally = Tally(ModelName(predictor.name, predictor.sha256))
    files = [ImageFile(path, path.as_posix()) for path in images]
    for row in grade_micrographs(files, predictor, settings):
        tally.add(row)
        if heatmap and isinstance(row, Graded):
            _draw_beside(row)
    if as_json:
        sys.stdout.write(json.dumps(tally.table, indent=2, ensure_ascii=False) + "\n")
    else:
        print_rows(tally.table)
    return tally.exit_code()


def _draw_beside(row: Graded) -> None:
    path = Path(f"{row.micrograph.file.path.name}.heatmap.png")
    write_heatmap(row, path)
    say(f"Heatmap: {path}")


def run_train(data: Path, out: Path, settings: TrainSettings) -> int:
    """Train, with a bar and a line per epoch; return the exit code."""
    from gdest.training.fit import train

    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("training")
        card = train(data, out, settings, say, lambda done, steps: bar.update(task, completed=done, total=steps))
    for name, value in card.errors.items():
        say(f"{name}: {value:g}")
    say(f"Written: {out}, {out.with_suffix('.csv')}, {out.with_suffix('.png')}")
    return 0


def run_evaluate(data: Path, settings: GradeSettings, weights: Path | None, out: Path | None) -> int:
    """Measure weights on labelled micrographs; print the errors on standard output."""
    from gdest.training.evaluate import errors_by_group, evaluate, write_evaluation

    measured = evaluate(data, load_weights(weights), settings)
    print_errors(errors_by_group(measured))
    if out is not None:
        write_evaluation(measured, out)
        say(f"Written: {out / 'evaluation.csv'}, {out / 'evaluation.png'}")
    return 0


def run_synth(out: Path, settings: SynthSettings) -> int:
    """Make synthetic micrographs; return the exit code."""
    from gdest.synth.dataset import write_dataset

    with progress("making micrographs", settings.count) as advance:
        for _ in write_dataset(out, settings):
            advance(1)
    say(f"Written: {settings.count} micrographs and {out / 'labels.csv'}")
    return 0


def run_info(weights: Path | None) -> int:
    """Print version, devices and model card on standard output; return the exit code."""
    import torch

    model = load_weights(weights)
    lines = {"gdest": __version__, "torch": torch.__version__, "cuda devices": torch.cuda.device_count()}
    lines |= {
        "bf16 on the CPU": has_fast_bf16(torch.device("cpu")),
        "weights": weights_path(weights),
        "sha256": model.sha256,
    }
    for name, value in lines.items():
        sys.stdout.write(f"{name}: {value}\n")
    sys.stdout.write(json.dumps(asdict(model.card), indent=2) + "\n")
    return 0
