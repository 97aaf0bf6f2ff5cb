"""Let OpenVINO compute convolutions in 8 bits: two to four times as fast as bf16 on a CPU without AMX."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdest.core import UNFIT

STEPS = 256
SAMPLE_G = np.arange(1.0, 14.0)
"""Grades of the synthetic tiles that tell how large the numbers between the layers grow."""

UNFIT_TILES = 4
"""Tiles of each kind that must not be graded: their numbers must not be cut off, or they would look usual."""

SHARES = np.linspace(0.4, 1.0, 13, dtype=np.float32)
"""Of the largest number, which is tried as the largest that 8 bits can hold."""

SAMPLES = 50_000
"""Numbers of a layer that its limit is found on."""

TAKING = ("Convolution",)
"""What takes the rounded numbers. Sums and descriptors take the exact ones: a third less error, no slower."""


def sample_tiles(side: int) -> NDArray[np.uint8]:
    """Return synthetic tiles (n, 1, side, side), always the same: one per `SAMPLE_G`, then what must not be graded."""
    from gdest.synth import draw_unfit, make_micrograph

    rng = np.random.default_rng(8)
    tiles = [make_micrograph(rng, float(g), side, side, 1.0).pixels for g in SAMPLE_G]
    tiles += [draw_unfit(rng, kind, side, side) for kind in UNFIT for _ in range(UNFIT_TILES)]
    return np.stack(tiles)[:, None]


def to_8_bit(model: Any, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Change an OpenVINO model so that it computes all convolutions but the first in 8 bits; return its exact answers.

    What goes into them, after a ReLU, lies between 0 and a limit, found on the tiles; weights have a limit per output
    channel. The first convolution sees grey pixels, and little of the time is spent there. The answers are those that
    the model gave on the tiles before.
    """
    import openvino
    from openvino import opset13

    _, *convolutions = [node for node in model.get_ordered_ops() if node.get_type_name() == "Convolution"]
    entering = list({_name(node.input_value(0)): node.input_value(0) for node in convolutions}.values())
    results = [opset13.result(output) for output in (*entering, model.output(0).get_node().input_value(0))]
    watched = openvino.Model(results, model.get_parameters(), "watched")
    compiled = openvino.Core().compile_model(watched, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    *seen, answers = compiled(tiles).to_tuple()
    for output, values in zip(entering, seen, strict=True):
        taking = [target for target in output.get_target_inputs() if target.get_node().get_type_name() in TAKING]
        limit, zero = _limit_of_values(values), np.float32(0.0)
        rounded = opset13.fake_quantize(output, zero, limit, zero, limit, STEPS)
        for target in taking:
            target.replace_source_output(rounded.output(0))
    for node in convolutions:
        constant = node.input_value(1)
        limits = _limits_of_weights(np.asarray(constant.get_node().data, np.float32))
        rounded = opset13.fake_quantize(constant, -limits, limits, -limits, limits, STEPS - 1)
        node.input(1).replace_source_output(rounded.output(0))
    return np.asarray(answers, np.float32)


def _name(output: Any) -> str:
    return str(output.get_node().get_friendly_name())


def _limit_of_values(values: NDArray[np.float32]) -> np.float32:
    """Return the limit up to which 255 equal steps hold numbers from 0 upwards with the least squared error."""
    some = values.ravel()[:: max(1, values.size // SAMPLES)]
    limits = np.float32(max(float(values.max()), 1e-6)) * SHARES
    errors = [np.square(_rounded(some, limit / (STEPS - 1), 0, STEPS - 1) - some).sum() for limit in limits]
    return np.float32(limits[int(np.argmin(errors))])


def _limits_of_weights(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the same for each output channel of weights (out, in, 3, 3), which have a sign, shape (out, 1, 1, 1)."""
    most = STEPS // 2 - 1
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True).clip(min=1e-6)
    limits = largest * SHARES[:, None, None, None, None]
    errors = [
        np.square(_rounded(weights, limit / most, -most, most) - weights).sum(axis=(1, 2, 3), keepdims=True)
        for limit in limits
    ]
    return np.asarray(np.take_along_axis(limits, np.argmin(errors, axis=0)[None], axis=0)[0], np.float32)


def _rounded(values: NDArray[np.float32], step: Any, low: int, high: int) -> NDArray[np.float32]:
    return np.asarray(np.clip(np.rint(values / step), low, high) * step, np.float32)
