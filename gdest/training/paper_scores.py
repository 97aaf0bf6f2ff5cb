"""Count as the paper counts: Top-1, share within 0.5 G, mean absolute error; on crops and for whole micrographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdest.core import tile_grid
from gdest.model import GradeNetwork
from gdest.training.examples import Example

Grades = NDArray[np.float64]
MARGIN_G = 0.5 + 1e-3
"""The paper counts a regressor's answer as right within 0.5 G; the rest is room for rounded pixel sizes."""


@dataclass(frozen=True)
class Answers:
    """Hold what a network answers to n micrographs and their m crops, as G at p0.

    `truth` and `g` are (n,); `embedding` (n, d) is the mean of the crops' embeddings; `crop_truth` and `crop_g`
    are (m,), empty for a network of whole images. A classifier answers its most probable class; for a micrograph,
    that of the crops' mean probabilities. A regressor's G of a micrograph is the mean of its crops' G.
    """

    truth: Grades
    g: Grades
    embedding: NDArray[np.float32]
    crop_truth: Grades
    crop_g: Grades


@dataclass(frozen=True)
class Scores:
    """Hold the scores of a set: shares 0..1 and the mean absolute error in G; NaN for an empty set.

    `top1` is the share of answers whose nearest grade is the true one; a classifier's Top-1 accuracy.
    """

    count: int
    top1: float
    within_half: float
    mae: float


@torch.inference_mode()
def answers_of(network: GradeNetwork, examples: Sequence[Example], batch: int, *, bf16: bool) -> Answers:
    """Return a network's answers to micrographs, each cut into tiles at full size, or whole, as it was trained."""
    network.eval()
    device = next(network.parameters()).device
    grades, embeddings, crop_grades = [], [], []
    for example in examples:
        pictures = _pictures(example, network).to(device)
        parts = []
        for part in torch.split(pictures, batch):
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
                embedding = network.embedding(network.features(part.contiguous(memory_format=torch.channels_last)))
                parts.append((embedding.float(), network.outputs(embedding)))
        embedding, outputs = (torch.cat(column) for column in zip(*parts, strict=True))
        whole, single = _grades(network, outputs)
        grades.append(whole)
        embeddings.append(embedding.mean(dim=0).cpu().numpy())
        crop_grades.append(single)
    truth = np.array([example.g_seen for example in examples])
    crops = crop_grades if network.card.input == "crop" else []
    crop_truth = np.repeat(truth, [len(single) for single in crop_grades]) if crops else np.empty(0)
    crop_g = np.concatenate(crops) if crops else np.empty(0)
    return Answers(truth, np.array(grades), np.stack(embeddings), crop_truth, crop_g)


def _pictures(example: Example, network: GradeNetwork) -> Tensor:
    image = example.pyramid[0][:1]
    if network.card.input == "image":
        return image.unsqueeze(0)
    side = network.card.tile_px
    grid = tile_grid(image.shape[1], image.shape[2], side, side)
    return torch.stack([image[:, top : top + side, left : left + side] for top in grid.tops for left in grid.lefts])


def _grades(network: GradeNetwork, outputs: Tensor) -> tuple[float, Grades]:
    """Return the G of a micrograph and of each of its pictures from their outputs."""
    if not network.card.classes:
        single = outputs[:, 0].double().cpu().numpy()
        return float(single.mean()), single
    classes = np.array(network.card.classes)
    odds = outputs.softmax(dim=1).double().cpu().numpy()
    return float(classes[odds.mean(axis=0).argmax()]), classes[odds.argmax(axis=1)]


def nearest(grades: Grades, classes: Sequence[float]) -> NDArray[np.int64]:
    """Return the index of the nearest class of each grade."""
    return np.asarray(np.abs(grades[:, None] - np.array(classes)).argmin(axis=1), np.int64)


def score(truth: Grades, g: Grades, classes: Sequence[float]) -> Scores:
    """Return the scores of answers `g` against `truth`, both (n,); Top-1 counts with the grades `classes`."""
    if not len(truth):
        return Scores(0, *[float("nan")] * 3)
    error = np.abs(g - truth)
    top1 = float(np.mean(nearest(g, classes) == nearest(truth, classes)))
    return Scores(len(truth), top1, float(np.mean(error <= MARGIN_G)), float(error.mean()))


def score_by_class(truth: Grades, g: Grades, classes: Sequence[float]) -> dict[float, Scores]:
    """Return the scores of each class that occurs in `truth`."""
    true = nearest(truth, classes)
    return {classes[i]: score(truth[true == i], g[true == i], classes) for i in sorted(set(true.tolist()))}


def confusion(truth: Grades, g: Grades, classes: Sequence[float]) -> NDArray[np.int64]:
    """Return how often each true class (row) was answered as each class (column), (classes, classes)."""
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (nearest(truth, classes), nearest(g, classes)), 1)
    return counts


def grades_of(truth: Grades) -> tuple[float, ...]:
    """Return the grades that occur, rounded to a tenth, ascending; the classes of labels without a classifier."""
    return tuple(float(g) for g in np.unique(np.round(truth, 1)))


def card_figures(name: str, answers: Answers, classes: Sequence[float]) -> dict[str, float]:
    """Return the scores of a set under the names that a model card keeps them by."""
    known = classes or grades_of(answers.truth)
    figures = {f"{name}_micrographs": float(len(answers.truth))}
    for kind, truth, g in (("", answers.truth, answers.g), ("crop_", answers.crop_truth, answers.crop_g)):
        found = score(truth, g, known)
        if found.count:
            figures[f"{name}_{kind}top1"] = round(found.top1, 4)
            figures[f"{name}_{kind}within_half_g"] = round(found.within_half, 4)
            figures[f"{name}_{kind}mae"] = round(found.mae, 4)
    return figures
