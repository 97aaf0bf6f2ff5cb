"""Run the convolutions of a network with OpenVINO, where it is installed: two to three times faster on a CPU."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gdest.network import GradeNetwork, describe


def is_installed() -> bool:
    """Return whether the extra `gdest[openvino]` is there."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoDescriptors:
    """Give the descriptors of tiles, as `describe` does of the maps of a network's four stages.

    The convolutions run here, in bf16 where it is asked for, and what is pooled from their maps: handing
    out the maps themselves cost a third of the time. The grade and the doubts are computed from the descriptors in
    float32 by torch, since bf16 near G 8 knows steps of 0.03 only. To translate the network takes some seconds.
    """

    def __init__(self, network: GradeNetwork, side: int, *, bf16: bool) -> None:
        import openvino

        example = torch.zeros((2, 1, side, side), dtype=torch.uint8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, on the tracing that OpenVINO does
            translated = openvino.convert_model(_Described(network.cpu().eval()), example_input=example)
        translated.reshape([-1, 1, side, side])
        options = {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "PERFORMANCE_HINT": "LATENCY"}
        options["INFERENCE_NUM_THREADS"] = str(torch.get_num_threads())
        self._compiled: Any = openvino.Core().compile_model(translated, "CPU", options)

    def __call__(self, tiles: Tensor) -> Tensor:
        """Return the descriptors (n, DESCRIPTOR), float32, of tiles (n, 1, side, side) uint8."""
        return torch.from_numpy(np.array(self._compiled(tiles.numpy())[0], np.float32))


class _Described(nn.Module):
    def __init__(self, network: GradeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, tiles: Tensor) -> Tensor:
        return describe(self.network.stages(tiles))
