"""Draw the micrographs that a training with --draw needs besides those it learns from; no two of all are the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gdest.synth import write_dataset
from gdest.training.drawing import Drawing
from gdest.training.examples import Example
from gdest.training.labels import Labelled, read_labels
from gdest.training.settings import TrainSettings
from gdest.training.stages import Stage, told

MOST_TO_JUDGE = 200
"""More gradeable pictures do not move the judge, whose own pictures are drawn beside them."""


@contextmanager
def drawn_to_validate(settings: TrainSettings, stage: Stage) -> Iterator[list[Labelled]]:
    """Yield drawn micrographs to validate and calibrate on, none without --draw.

    They are graded as a scan grades files, so they are files, in a folder that goes at the end.
    """
    count = settings.drawn_to_validate
    if not count:
        yield []
        return
    with TemporaryDirectory(prefix="gdest-") as folder:
        made = settings.drawing.synthetic(settings.reference_um_per_px, first=settings.drawn, count=count)
        for _ in told(write_dataset(Path(folder), made), stage, "drawing micrographs to validate on", count):
            pass
        yield read_labels(Path(folder), None)


def drawn_to_judge(settings: TrainSettings, stage: Stage) -> list[Example]:
    """Return grey micrographs by which the judge learns what to grade, none without --draw."""
    count = min(MOST_TO_JUDGE, settings.drawing.draw)
    if not count:
        return []
    first = settings.drawn + settings.drawn_to_validate
    with Drawing(range(first, first + count), settings) as drawing:
        shown = told(drawing, stage, "drawing micrographs to grade", count)
        return [Example((one.pyramid[0][:1].clone(),), one.g_seen) for one in shown]
