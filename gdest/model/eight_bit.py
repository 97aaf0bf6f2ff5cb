"""Let OpenVINO compute convolutions in 8 bits: two to four times as fast as bf16 on a CPU without AMX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdest.core import WeightsError
from gdest.model.openvino_import import import_openvino

STEPS = 256
"""Levels that 8 bits tell apart."""

SHARES = np.linspace(0.4, 1.0, 13, dtype=np.float32)
"""Shares of the largest number that are tried as the largest that 8 bits can hold."""

SAMPLES = 50_000
"""Numbers of a layer that its limit is found on."""

TAKING = ("Convolution",)
"""What takes the rounded numbers. Sums and descriptors take the exact ones: a third less error, no slower."""


DECODER = "decoder"
"""Part of the names of the decoder's layers, some of whose inputs are negative."""


def find_limits(model: Any, tiles: NDArray[np.uint8]) -> tuple[tuple[float, ...], NDArray[np.float32]]:
    """Return the limit of each input of the convolutions of an OpenVINO model, and its exact answers for the tiles.

    The inputs follow a ReLU: their numbers lie between 0 and the limit, which is found on tiles (n, 1, side, side).
    """
    openvino = import_openvino()
    from openvino import opset13

    inputs = _inputs(model)
    results = [opset13.result(output) for output in (*inputs, model.output(0).get_node().input_value(0))]
    watched = openvino.Model(results, model.get_parameters(), "watched")
    compiled = openvino.Core().compile_model(watched, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    *seen, answers = compiled(tiles).to_tuple()
    return tuple(float(_limit_of_values(values)) for values in seen), np.asarray(answers, np.float32)


def to_8_bit(model: Any, limits: Sequence[float]) -> None:
    """Change an OpenVINO model so that it computes all convolutions but the first in 8 bits.

    `limits` are those of `find_limits`; raises `WeightsError` for another number of them. Weights have a limit per
    output channel, which follows from the weights alone. The first convolution sees grey pixels, and little of the
    time is spent there.
    """
    import_openvino()
    from openvino import opset13

    inputs = _inputs(model)
    if len(limits) != len(inputs):
        raise WeightsError(f"The model card has {len(limits)} int8_limits for {len(inputs)} inputs of convolutions.")
    for output, limit in zip(inputs, np.asarray(limits, np.float32), strict=True):
        taking = [target for target in output.get_target_inputs() if _is_taking(target.get_node())]
        zero = np.float32(0.0)
        rounded = opset13.fake_quantize(output, zero, limit, zero, limit, STEPS)
        for target in taking:
            target.replace_source_output(rounded.output(0))
    for node in _convolutions(model):
        constant = node.input_value(1)
        largest = _limits_of_weights(np.asarray(constant.get_node().data, np.float32))
        rounded = opset13.fake_quantize(constant, -largest, largest, -largest, largest, STEPS - 1)
        node.input(1).replace_source_output(rounded.output(0))


def _convolutions(model: Any) -> list[Any]:
    """Return all convolutions of the ResNet but the first; those of the decoder, a fifth of the work, stay exact."""
    return [node for node in model.get_ordered_ops() if _is_taking(node)][1:]


def _is_taking(node: Any) -> bool:
    """Return whether a node is a convolution of the ResNet; one of the decoder bears its name, or its input does."""
    if node.get_type_name() not in TAKING:
        return False
    names = (node.get_friendly_name(), node.input_value(0).get_node().get_friendly_name())
    return not any(DECODER in name for name in names)


def _inputs(model: Any) -> list[Any]:
    """Return what the convolutions take, in the order of the network; two may take the same.

    Each depends on the one before, so every order in which the model can be computed gives this one.
    """
    taken = [node.input_value(0) for node in _convolutions(model)]
    return list({str(output.get_node().get_friendly_name()): output for output in taken}.values())


def _limit_of_values(values: NDArray[np.float32]) -> np.float32:
    """Return the limit up to which 255 equal steps hold numbers from 0 upwards with the least squared error."""
    some = values.ravel()[:: max(1, values.size // SAMPLES)]
    limits = np.float32(max(float(values.max()), 1e-6)) * SHARES
    errors = [np.square(_rounded(some, limit / (STEPS - 1), 0, STEPS - 1) - some).sum() for limit in limits]
    return np.float32(limits[int(np.argmin(errors))])


def _limits_of_weights(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the same for each output channel of signed weights (out, in, 3, 3), shape (out, 1, 1, 1)."""
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
