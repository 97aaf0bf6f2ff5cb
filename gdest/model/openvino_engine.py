"""Run the convolutions of a network with OpenVINO, where it is installed: faster on a CPU, most so in 8 bits."""

from __future__ import annotations

import copy
import hashlib
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gdest.core import ModelCard, OutputError, Tiles, cut_parts
from gdest.model import eight_bit, judge, network as network_module
from gdest.model.eight_bit import find_limits, to_8_bit
from gdest.model.judge import describe
from gdest.model.network import GradeNetwork
from gdest.model.openvino_import import import_openvino

AT_ONCE = 16
"""Tiles that one core works on by itself. All cores at one batch wait for the one that a decoding thread holds up."""


@cache
def openvino_threads() -> int:
    """Return how many threads OpenVINO may use: as many as torch had when this was first asked."""
    return torch.get_num_threads()


def leave_cores_to_openvino() -> None:
    """Leave torch one thread in this process, for its owner to call where OpenVINO does the convolutions.

    Little is left for torch then, and while several threads wait for it, its own wait for work at full speed.
    """
    openvino_threads()
    torch.set_num_threads(1)


class OpenVinoEngine:
    """Answer tiles as `GradeNetwork.answer` does, each batch on one core; several threads may ask.

    The convolutions run in OpenVINO, in 8 bits or bf16 where that was chosen, and so does the pooling of their maps:
    handing out the maps themselves cost a third of the time. Torch computes the grade and the doubts from the
    descriptors in float32, since bf16 near G 8 knows steps of 0.03 only.
    """

    def __init__(
        self,
        network: GradeNetwork,
        card: ModelCard,
        *,
        bf16: bool,
        int8: bool = False,
        sha256: str = "",
        batch: int = AT_ONCE,
        boundaries: bool = False,
    ) -> None:
        self._network = network.cpu().eval()
        self.streams, self.batch = openvino_threads(), min(batch, AT_ONCE)
        shown = _DescribedAndDrawn(network) if boundaries else _Described(network)
        model = _model_in_8_bits(shown, card, sha256) if int8 else _translated(shown, card.tile_px)
        self._free = _requests(model, self.streams, bf16=bf16)

    def answer(self, parts: Sequence[Tiles]) -> tuple[Tensor, ...]:
        """Return what the network says of the tiles of all parts, float32, maps uint8."""
        described, *maps = _asked(self._free, cut_parts(parts)[:, None])
        return *self._network.answer_described(described), *maps


@torch.inference_mode()
def measure_8_bits(
    network: GradeNetwork, steel: NDArray[np.uint8], unfit: NDArray[np.uint8]
) -> tuple[tuple[float, ...], float]:
    """Return `int8_limits` and `int8_g_gap` for the card of a network with a judge; OpenVINO must be installed.

    Both come from tiles (n, side, side): the numbers of unfit tiles must not be cut off, or such tiles would look
    usual. The gap is the mean change of G of the tiles that show steel.
    """
    network = copy.deepcopy(network).cpu().eval()
    tiles = np.concatenate([steel, unfit])[:, None]
    model = _translated(_Described(network), tiles.shape[-1])
    limits, exact = find_limits(model, tiles)
    to_8_bit(model, limits)
    rounded = _asked(_requests(model, 1, bf16=False), tiles)[0]
    found, wanted = (network.answer_described(described)[0] for described in (rounded, torch.from_numpy(exact)))
    return limits, float((found - wanted)[: len(steel)].abs().mean())


def _requests(model: Any, count: int, *, bf16: bool) -> SimpleQueue[Any]:
    """Return what computes one batch each, `count` of them, each with a thread of its own.

    OpenVINO's Python prepares itself at the first call; two threads whose first calls met waited for each other for
    ever, so the first is made here.
    """
    openvino = import_openvino()

    options = {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "NUM_STREAMS": str(count)}
    options["INFERENCE_NUM_THREADS"] = str(count)
    compiled = openvino.Core().compile_model(model, "CPU", options)
    free: SimpleQueue[Any] = SimpleQueue()
    for _ in range(count):
        free.put(compiled.create_infer_request())
    _asked(free, np.zeros((1, *(side.get_length() for side in list(model.inputs[0].partial_shape)[1:])), np.uint8))
    return free


def _asked(free: SimpleQueue[Any], tiles: NDArray[np.uint8]) -> list[Tensor]:
    """Return what a model says of tiles (n, 1, side, side): descriptors float32, then maps uint8 if it draws any."""
    request = free.get()
    try:
        request.infer([tiles])
        return [torch.from_numpy(np.array(output.data)) for output in request.output_tensors]
    finally:
        free.put(request)


def _translated(shown: nn.Module, side: int) -> Any:
    """Return a network up to its descriptors as an OpenVINO model; this takes some seconds."""
    openvino = import_openvino()

    example = torch.zeros((2, 1, side, side), dtype=torch.uint8)
    with warnings.catch_warnings():  # for one thread only: engines are made before a scan starts its threads
        warnings.filterwarnings("ignore", "`torch.jit", FutureWarning)  # OpenVINO traces with it
        translated = openvino.convert_model(shown, example_input=example)
    translated.reshape([-1, 1, side, side])
    return translated


class _Described(nn.Module):
    def __init__(self, network: GradeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, tiles: Tensor) -> Tensor:
        return describe(self.network.stages(tiles))


class _DescribedAndDrawn(nn.Module):
    def __init__(self, network: GradeNetwork) -> None:
        super().__init__()
        self.network, self.decoder = network, network.decoder

    def forward(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        stem, stages = self.network.maps(tiles)
        assert self.decoder is not None
        return describe(stages), self.decoder.probabilities(stem, stages)


def _model_in_8_bits(shown: nn.Module, card: ModelCard, sha256: str) -> Any:
    """Return the model in 8 bits, kept in the user's cache folder under the hash of its weights, or made anew.

    A new one is read back like a kept one: reading changes the last digits, and all scans must say the same.
    """
    place = _cache_folder(f"{sha256} {type(shown).__name__}", card.tile_px) if sha256 else None
    kept = _read(place)
    if kept is None:
        model = _translated(shown, card.tile_px)
        to_8_bit(model, card.int8_limits)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
            kept = _read(_kept(model, place) if place else None) or _read(_saved(model, Path(temporary)))
    if kept is None:
        raise OutputError("OpenVINO cannot write to the folder for temporary files; free some space there.")
    return kept


def _cache_folder(of: str, side: int) -> Path:
    """Return the folder of an 8-bit model `of` some weights and outputs, another for each version and code."""
    from platformdirs import user_cache_path

    openvino = import_openvino()
    files = (eight_bit.__file__, judge.__file__, network_module.__file__, __file__)
    code = b"".join(Path(str(file)).read_bytes() for file in files)
    key = hashlib.sha256(f"{openvino.__version__} {of} {side} ".encode() + code)
    folder: Path = user_cache_path("gdest")
    return folder / f"openvino-{key.hexdigest()[:32]}"


def _read(place: Path | None) -> Any | None:
    """Return a kept model; None when there is none or it cannot be read."""
    openvino = import_openvino()

    if place is None:
        return None
    try:
        return openvino.Core().read_model(place / "model.xml")
    except RuntimeError:
        return None


def _kept(model: Any, place: Path) -> Path | None:
    """Write a model to its place, whole or not at all; return None when the cache cannot be written."""
    unfinished: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=place.parent))
        _saved(model, unfinished)
        shutil.rmtree(place, ignore_errors=True)
        return unfinished.replace(place)
    except (OSError, RuntimeError):
        if unfinished:
            shutil.rmtree(unfinished, ignore_errors=True)
        return None


def _saved(model: Any, folder: Path) -> Path:
    openvino = import_openvino()

    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
    return folder
