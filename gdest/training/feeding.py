"""Choose the micrographs of each step: those that were decoded, and those that are drawn meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gdest.core import ModelCard
from gdest.training.augment import Batch, cut_batch
from gdest.training.channels import CHANNELS, pyramid_shapes
from gdest.training.drawing import Drawing
from gdest.training.examples import Example
from gdest.training.settings import TrainSettings

HELD_BYTES = 1 << 30
MOST_HELD = 512
"""So many drawn micrographs, but no more than 1 GiB of them, give their crops by turns: enough that the crops of a step
are of different ones, and memory is bounded however many are drawn."""

ORDER_SEED = 3


@dataclass(frozen=True)
class Decoded:
    """Hold the decoded micrographs of a run; `mixed` gives a share of the crops of every step."""

    training: Sequence[Example]
    validation: Sequence[Example]
    mixed: Sequence[Example] = ()


def steps_of_epoch(decoded: Decoded, settings: TrainSettings) -> int:
    """Return how many steps show each training micrograph as often as any other."""
    return max(1, _crops_of_epoch(len(decoded.training), settings) // _own_crops(settings))


def _own_crops(settings: TrainSettings) -> int:
    """Return how many crops of a step come from the training micrographs themselves."""
    return settings.batch - settings.mixed_crops


def _crops_each(settings: TrainSettings) -> int:
    return settings.crops_per_micrograph if settings.input == "crop" else 1


def _crops_of_epoch(decoded: int, settings: TrainSettings) -> int:
    return (decoded + settings.drawing.draw) * _crops_each(settings)


@contextmanager
def feeding(decoded: Decoded, card: ModelCard, settings: TrainSettings, begun: int = 0) -> Iterator[Feed]:
    """Yield the feed of a run of which so many epochs are done; micrographs are drawn until it ends."""
    if not settings.drawing.draw or begun >= settings.epochs:
        yield Feed(decoded, card, settings)
        return
    order = order_of_drawn(len(decoded.training), settings)
    left = order[begun:]
    numbers = np.unique(left[left >= len(decoded.training)]) - len(decoded.training)
    with Drawing(numbers.tolist(), settings) as drawing:
        yield Feed(decoded, card, settings, _Drawn(order, len(decoded.training), numbers.tolist(), drawing))


def order_of_drawn(decoded: int, settings: TrainSettings) -> NDArray[np.int32]:
    """Return the micrograph of each crop of each epoch, (epochs, crops): first the decoded ones, then the drawn.

    The crops of a drawn micrograph are spread over the time in which `held` others are drawn, those of a decoded one
    over each epoch. The order depends on the seed alone, so a run can go on at any epoch.
    """
    epochs, each = settings.epochs, _crops_each(settings)
    rng = np.random.default_rng([settings.seed, ORDER_SEED])
    drawn = np.repeat(np.arange(settings.drawn, dtype=np.int32), each)
    drawn = drawn[np.argsort(drawn + held(settings) * rng.random(len(drawn)), kind="stable")]
    known = np.tile(np.repeat(np.arange(decoded, dtype=np.int32), each), epochs)
    when_drawn = (np.arange(len(drawn)) + 0.5) * (epochs / len(drawn))
    when_known = np.repeat(np.arange(epochs), decoded * each) + rng.random(len(known))
    sort = np.argsort(np.concatenate([when_known, when_drawn]), kind="stable")
    order = np.concatenate([known, drawn + decoded])[sort].reshape(epochs, _crops_of_epoch(decoded, settings))
    own = _own_crops(settings)
    return order[:, : max(1, order.shape[1] // own) * own]


def held(settings: TrainSettings) -> int:
    """Return over how many drawn micrographs the crops of one are spread, so that about as many are in memory."""
    made = settings.drawing.synthetic(settings.reference_um_per_px)
    shapes = pyramid_shapes(len(CHANNELS) if settings.learns_from_label_maps else 1, made.rows, made.cols)
    return int(np.clip(HELD_BYTES // sum(map(np.prod, shapes)), 1, MOST_HELD))


class _Drawn:
    """Hold the drawn micrographs whose crops are still to come."""

    def __init__(self, order: NDArray[np.int32], decoded: int, numbers: Sequence[int], drawing: Drawing) -> None:
        self.order, self.drawing, self._decoded = order, drawing, decoded
        self._coming = zip(numbers, drawing, strict=True)
        self._held: dict[int, Example] = {}
        self._last = np.zeros(int(order.max()) + 1, np.int64)
        self._last[order.ravel()] = np.arange(order.size)  # the last place of each; numpy keeps the last of several

    def take(self, crops: NDArray[np.int32], training: Sequence[Example], end: int) -> list[Example]:
        """Return the micrographs of some crops, which end at this place of the whole order, and let go of the done."""
        self.wait_for(crops)
        known = self._decoded
        picked = [training[i] if i < known else self._held[i - known] for i in crops.tolist()]
        for index in np.unique(crops[self._last[crops] < end]).tolist():
            self._held.pop(index - self._decoded, None)
        return picked

    def wait_for(self, crops: NDArray[np.int32]) -> None:
        """Hold all micrographs up to the last of these crops."""
        for number in crops[crops >= self._decoded].tolist():
            while number - self._decoded not in self._held:
                coming, example = next(self._coming)
                self._held[coming] = example


class Feed:
    """Yield the crops of each step of an epoch, every micrograph as often as any other."""

    def __init__(self, decoded: Decoded, card: ModelCard, settings: TrainSettings, drawn: _Drawn | None = None) -> None:
        self._decoded, self._card, self._settings, self._drawn = decoded, card, settings, drawn

    @property
    def waited_s(self) -> float:
        """Return for how many seconds the training has waited for micrographs to be drawn."""
        return self._drawn.drawing.waited_s if self._drawn else 0.0

    def draw_first(self, epoch: int) -> None:
        """Wait until the micrographs of an epoch's first step are drawn; later ones are drawn during the steps."""
        if self._drawn:
            self._drawn.wait_for(self._drawn.order[epoch - 1][: _own_crops(self._settings)])

    def batches(self, epoch: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the batch of each step of an epoch, the first of which is 1."""
        training, own = self._decoded.training, _own_crops(self._settings)
        if self._drawn:
            order = self._drawn.order[epoch - 1]
        else:
            order = rng.permutation(np.repeat(np.arange(len(training)), _crops_each(self._settings)))
        for step in range(steps_of_epoch(self._decoded, self._settings)):
            crops = order[step * own : (step + 1) * own]
            if self._drawn:
                picked = self._drawn.take(crops, training, (epoch - 1) * len(order) + step * own + len(crops))
            else:
                picked = [training[index] for index in crops]
            yield cut_mixed(picked, self._decoded.mixed, self._card, self._settings, rng)


def cut_mixed(
    picked: Sequence[Example],
    mixed: Sequence[Example],
    card: ModelCard,
    settings: TrainSettings,
    rng: np.random.Generator,
) -> Batch:
    """Cut the crops of one step, some from micrographs that are mixed in; those with dense targets are first."""
    g_range = card.g_min, card.g_max
    batches = [cut_batch(part, settings, g_range, rng, card.classes) for part in alike(picked)]
    if mixed:
        others = [mixed[i] for i in rng.integers(len(mixed), size=settings.mixed_crops)]
        batches.append(cut_batch(others, settings, g_range, rng, card.classes))
    return joined(batches)


def alike(examples: Sequence[Example]) -> list[Sequence[Example]]:
    """Return examples with a label map, then those without one, which cannot be cut together."""
    with_maps = [example for example in examples if example.log2_density]
    if len(with_maps) in (0, len(examples)):
        return [examples]
    return [with_maps, [example for example in examples if not example.log2_density]]


def joined(batches: Sequence[Batch]) -> Batch:
    """Return batches as one; only the first may have dense targets."""
    first, *others = batches
    for other in others:
        first = first.followed_by(other)
    return first
