"""Teach a trained network which pictures it must not grade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gdest.core import STRUCTURES, ModelCard, cut_tiles, halve, tile_grid
from gdest.grading import COARSE_G
from gdest.model import KINDS, NOVELTY_AXES, GradeNetwork, Judge, describe
from gdest.synth import draw_unfit, make_micrograph
from gdest.training.examples import Example, halved_while_coarse
from gdest.training.settings import TrainSettings
from gdest.training.stages import Stage, no_stage, told

GRADEABLE = "gradeable"
SIDE_PX = 500
TILES_EACH = 4
OF_A_STRUCTURE = 4
"""So many times fewer pictures are drawn of one structure than of another kind."""

STRUCTURES_WEIGH = 2.0
REAL_SHARE = 0.25
"""Of the tiles of a kind, where real pictures of it are given: they are few, and each tells one material only."""

NOTHING: Mapping[str, Sequence[NDArray[np.uint8]]] = {}
MOST_EXAMPLES = 800
ROUNDS = 200
WEIGHT_DECAY = 0.005
SMALLEST_SD = 1e-3
SPREADS_LEAST = 1e-3
"""An axis along which the tiles spread less than this share of their widest is rounding: n tiles about their mean span
n - 1 axes, and along the last any tile that was not among them would lie thousands of deviations away."""


def fit_judge(
    network: GradeNetwork,
    judge: Judge,
    examples: Sequence[Example],
    settings: TrainSettings,
    *,
    mixed: Sequence[Example] = (),
    unfit: Mapping[str, Sequence[NDArray[np.uint8]]] = NOTHING,
    stage: Stage = no_stage,
) -> None:
    """Fit the network's own judge in place; the rest of the network stays as it is.

    Gradeable tiles come from the training micrographs, from those that are `mixed` in (as often as the network saw
    them) and from synthetic steel. Unfit tiles come from `settings.unfit_pictures` drawn pictures of each kind, and
    from real ones: `unfit` holds the tiles (n, side, side) of each, by kind, which weigh `REAL_SHARE` of their kind.
    """
    network.eval()
    rng = np.random.default_rng([settings.seed, 1])
    picked = [examples[i] for i in rng.permutation(len(examples))[:MOST_EXAMPLES]]
    if mixed:
        as_often = len(picked) * settings.mixed_crops / (settings.batch - settings.mixed_crops)
        picked += [mixed[i] for i in rng.integers(len(mixed), size=round(as_often))]
    shown = told(picked, stage, "looking at what to grade", len(picked))
    described = {GRADEABLE: [_describe(network, _tiles(example, rng)) for example in shown]}
    with ThreadPoolExecutor() as pool:
        for kind in (GRADEABLE, *KINDS):
            count = pictures_of(kind, settings)
            drawn = pool.map(partial(_drawn_tiles, kind, settings.seed), range(count))
            shown_tiles = told(drawn, stage, f"drawing pictures: {kind}", count)
            described.setdefault(kind, []).extend(_describe(network, tiles) for tiles in shown_tiles)
            described[kind] += _as_often([_describe(network, tiles) for tiles in unfit.get(kind, ())], described[kind])
    kinds = [torch.cat(described[kind]) for kind in (GRADEABLE, *KINDS)]
    with stage("learning what not to grade", 0):
        _fit_axes(judge, kinds[0])
        _fit_odds(judge, kinds)


def _as_often(real: list[Tensor], drawn: list[Tensor]) -> list[Tensor]:
    """Return real tiles (each n, DESCRIPTOR) so many times that they are `REAL_SHARE` of all, or once where more."""
    if not real:
        return []
    wanted = REAL_SHARE / (1.0 - REAL_SHARE) * sum(map(len, drawn))
    return real * max(1, round(wanted / sum(map(len, real))))


def pictures_of(kind: str, settings: TrainSettings) -> int:
    """Return how many pictures of a kind are drawn."""
    return -(-settings.unfit_pictures // OF_A_STRUCTURE) if kind in STRUCTURES else settings.unfit_pictures


def pictures_in_all(settings: TrainSettings) -> int:
    """Return how many pictures are drawn to fit a judge."""
    return sum(pictures_of(kind, settings) for kind in (GRADEABLE, *KINDS))


def _tiles(example: Example, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return some tiles of a training micrograph at the zoom a scan would grade it at."""
    pixels, _ = halved_while_coarse(example.pyramid[0][0].cpu().numpy(), example.g_seen, COARSE_G)
    return _some(pixels, TILES_EACH, rng)


def _drawn_tiles(kind: str, seed: int, index: int) -> NDArray[np.uint8]:
    """Return some tiles of one drawn picture, as it is and halved, since a scan would look at both."""
    rng = np.random.default_rng([seed, 2 + (GRADEABLE, *KINDS).index(kind), index])
    if kind == GRADEABLE:
        return _some(_steel(rng), TILES_EACH, rng)
    pixels = draw_unfit(rng, kind, SIDE_PX, SIDE_PX)
    return np.concatenate([_some(pixels, TILES_EACH - 1, rng), _some(halve(pixels), 1, rng)])


def gradeable_pictures(settings: TrainSettings, count: int) -> Iterator[NDArray[np.uint8]]:
    """Yield grey pixels of synthetic steel that the judge was not fitted on."""
    for index in range(count):
        yield _steel(np.random.default_rng([settings.seed, 1, index]))


def _steel(rng: np.random.Generator) -> NDArray[np.uint8]:
    return make_micrograph(rng, float(rng.uniform(5.0, 12.0)), SIDE_PX, SIDE_PX, 1.0).pixels


def overlapping_tiles(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the tiles (n, side, side) of a picture, half a side apart."""
    side = ModelCard.tile_px
    return cut_tiles(pixels, tile_grid(pixels.shape[0], pixels.shape[1], side, side // 2))


def _some(pixels: NDArray[np.uint8], count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    tiles = overlapping_tiles(pixels)
    return tiles[rng.permutation(len(tiles))[:count]]


@torch.inference_mode()
def _describe(network: GradeNetwork, tiles: NDArray[np.uint8]) -> Tensor:
    device = next(network.parameters()).device
    batch = torch.from_numpy(tiles).unsqueeze(1).to(device).contiguous(memory_format=torch.channels_last)
    return describe(network.stages(batch))


def _fit_axes(judge: Judge, gradeable: Tensor) -> None:
    """Set the judge's scale and principal axes from the descriptors (n, DESCRIPTOR) of gradeable tiles."""
    judge.mean.copy_(gradeable.mean(dim=0))
    judge.sd.copy_(gradeable.std(dim=0).clamp_min(SMALLEST_SD))
    _, singular, axes = torch.linalg.svd(judge.normal(gradeable), full_matrices=False)
    kept = min(NOVELTY_AXES, int((singular > SPREADS_LEAST * singular[0]).sum()))
    deviation = singular[:kept] / np.sqrt(len(gradeable))
    judge.axes.zero_()
    judge.axes[:, :kept] = axes[:kept].T / deviation


def _fit_odds(judge: Judge, kinds: Sequence[Tensor]) -> None:
    """Fit the multinomial logistic regression of the kinds' descriptors, each kind with the same total weight.

    All structures together weigh as much as `STRUCTURES_WEIGH` other kinds.
    """
    normal = torch.cat([judge.normal(described) for described in kinds]).clone()
    labels = torch.cat([torch.full((len(one),), i, device=one.device) for i, one in enumerate(kinds)])
    weighs = [STRUCTURES_WEIGH / len(STRUCTURES) if kind in STRUCTURES else 1.0 for kind in (GRADEABLE, *KINDS)]
    share = torch.tensor([weigh / len(one) for weigh, one in zip(weighs, kinds, strict=True)], device=normal.device)
    optimizer = torch.optim.LBFGS(judge.odds.parameters(), max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        found = functional.cross_entropy(judge.odds(normal), labels, weight=share)
        found = found + WEIGHT_DECAY * judge.odds.weight.square().sum()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    with torch.no_grad():
        judge.odds.weight.zero_()
        judge.odds.bias.zero_()
    optimizer.step(loss)  # type: ignore[no-untyped-call]
