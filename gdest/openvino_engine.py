"""Run the convolutions of a network with OpenVINO, where it is installed: faster on a CPU, most so in 8 bits."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gdest.eight_bit import SAMPLE_G, sample_tiles, to_8_bit
from gdest.network import GradeNetwork, describe

AT_ONCE = 16
"""Tiles that one core works on by itself. All cores at one batch wait for the one that a decoding thread holds up."""

CORES = torch.get_num_threads()
"""What OpenVINO may use; asked for at the start, since torch is then held to one."""

MOST_G_GAP = 0.03
"""G of a single tile, on average; of the mean of a micrograph's tiles it is less than half of that."""


def is_installed() -> bool:
    """Return whether the extra `gdest[openvino]` is there."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoDescriptors:
    """Give the descriptors of tiles, as `describe` does of the maps of a network's four stages.

    The convolutions run here, in 8 bits or bf16 where it is asked for, and what is pooled from their maps: handing
    out the maps themselves cost a third of the time. The grade and the doubts are computed from the descriptors in
    float32 by torch, since bf16 near G 8 knows steps of 0.03 only. To translate the network takes some seconds.
    A network that 8 bits change too much, as seen on synthetic tiles, runs without them.
    """

    def __init__(self, network: GradeNetwork, side: int, *, bf16: bool, int8: bool = False) -> None:
        self._network = network.cpu().eval()
        self.int8 = False
        if int8:
            tiles, model = sample_tiles(side), self._translated(side)
            exact = to_8_bit(model, tiles)
            self._queue = self._compiled(model, bf16=bf16)
            gap = self._g_gap(torch.from_numpy(tiles), torch.from_numpy(exact))
            self.int8 = gap <= MOST_G_GAP
            if not self.int8:
                logging.warning("8 bits change G by %.2f with these weights; going on without them.", gap)
        if not self.int8:
            self._queue = self._compiled(self._translated(side), bf16=bf16)
        torch.set_num_threads(1)  # little is left for torch, and its threads wait for it at full speed

    def _translated(self, side: int) -> Any:
        import openvino

        example = torch.zeros((2, 1, side, side), dtype=torch.uint8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, on the tracing that OpenVINO does
            translated = openvino.convert_model(_Described(self._network), example_input=example)
        translated.reshape([-1, 1, side, side])
        return translated

    def _compiled(self, model: Any, *, bf16: bool) -> Any:
        import openvino

        options = {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "NUM_STREAMS": str(CORES)}
        options["INFERENCE_NUM_THREADS"] = str(CORES)
        return openvino.AsyncInferQueue(openvino.Core().compile_model(model, "CPU", options), CORES)

    @torch.inference_mode()
    def _g_gap(self, tiles: Tensor, exact: Tensor) -> float:
        """Return by how much G of the graded sample tiles differs from that of their exact descriptors, on average."""
        found, wanted = (self._network.answer_described(described)[0] for described in (self(tiles), exact))
        return float((found - wanted)[: len(SAMPLE_G)].abs().mean())

    def __call__(self, tiles: Tensor) -> Tensor:
        """Return the descriptors (n, DESCRIPTOR), float32, of tiles (n, 1, side, side) uint8."""
        pixels = tiles.numpy()
        parts = [pixels[start : start + AT_ONCE] for start in range(0, len(pixels), AT_ONCE)]
        found: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(parts)

        def keep(request: Any, part: int) -> None:
            found[part] = np.array(request.get_output_tensor(0).data, np.float32)

        self._queue.set_callback(keep)
        for number, part in enumerate(parts):
            self._queue.start_async([part], number)
        self._queue.wait_all()
        return torch.from_numpy(np.concatenate(found))


class _Described(nn.Module):
    def __init__(self, network: GradeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, tiles: Tensor) -> Tensor:
        return describe(self.network.stages(tiles))
