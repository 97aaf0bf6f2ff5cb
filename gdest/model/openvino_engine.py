"""Run the convolutions of a network with OpenVINO, where it is installed: faster on a CPU, most so in 8 bits."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import shutil
import tempfile
import warnings
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gdest.core import OutputError
from gdest.model import eight_bit, network as network_module
from gdest.model.eight_bit import SAMPLE_G, sample_tiles, to_8_bit
from gdest.model.network import GradeNetwork, describe

AT_ONCE = 16
"""Tiles that one core works on by itself. All cores at one batch wait for the one that a decoding thread holds up."""

THREADS = torch.get_num_threads()
"""What OpenVINO may use; asked for at the start, since torch is then held to one."""

MOST_G_GAP = 0.03
"""G of a single tile, on average; of the mean of a micrograph's tiles it is less than half of that."""

GAP = "gdest_g_gap"
"""Under which name a kept model says by how much its 8 bits change G."""


def is_installed() -> bool:
    """Return whether the extra `gdest[openvino]` is there."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoDescriptors:
    """Give the descriptors of tiles, as `describe` does of the maps of a network's four stages; from several threads.

    The convolutions run here, in 8 bits or bf16 where it is asked for, and what is pooled from their maps: handing
    out the maps themselves cost a third of the time. The grade and the doubts are computed from the descriptors in
    float32 by torch, since bf16 near G 8 knows steps of 0.03 only. To translate the network takes some seconds, so
    with the hash of its weights it is kept in the user's cache folder. A network that 8 bits change too much, as
    seen on synthetic tiles, runs without them.
    """

    def __init__(self, network: GradeNetwork, side: int, *, bf16: bool, int8: bool = False, sha256: str = "") -> None:
        self._network = network.cpu().eval()
        self.int8 = False
        if int8:
            model, gap = self._kept_or_made(side, sha256)
            self.int8 = gap <= MOST_G_GAP
            if not self.int8:
                logging.warning("8 bits change G by %.2f with these weights; going on without them.", gap)
        self._free = self._requests(model if self.int8 else _translated(self._network, side), bf16=bf16)
        torch.set_num_threads(1)  # little is left for torch, and its threads wait for it at full speed

    def _kept_or_made(self, side: int, sha256: str) -> tuple[Any, float]:
        """Return the model in 8 bits and by how much of a tile's G that changes it, from the cache or made anew.

        A new one is read back like a kept one: reading changes the last digits, and scans shall say the same.
        """
        place = _cache_folder(sha256, side) if sha256 else None
        kept = _read(place)
        if kept is None:
            tiles, model = sample_tiles(side), _translated(self._network, side)
            exact = to_8_bit(model, tiles)
            self._free = self._requests(model, bf16=False)
            model.set_rt_info(str(self._g_gap(torch.from_numpy(tiles), torch.from_numpy(exact))), GAP)
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
                kept = _read(_kept(model, place) if place else None) or _read(_saved(model, Path(temporary)))
        if kept is None:
            raise OutputError("OpenVINO cannot write to the folder for temporary files; free some space there.")
        return kept

    def _requests(self, model: Any, *, bf16: bool) -> SimpleQueue[Any]:
        """Return what computes one batch each, as many as there are cores."""
        import openvino

        options = {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "NUM_STREAMS": str(THREADS)}
        options["INFERENCE_NUM_THREADS"] = str(THREADS)
        compiled = openvino.Core().compile_model(model, "CPU", options)
        free: SimpleQueue[Any] = SimpleQueue()
        for _ in range(THREADS):
            free.put(compiled.create_infer_request())
        return free

    @torch.inference_mode()
    def _g_gap(self, tiles: Tensor, exact: Tensor) -> float:
        """Return by how much G of the graded sample tiles differs from that of their exact descriptors, on average."""
        found, wanted = (self._network.answer_described(described)[0] for described in (self(tiles), exact))
        return float((found - wanted)[: len(SAMPLE_G)].abs().mean())

    def __call__(self, tiles: Tensor) -> Tensor:
        """Return the descriptors (n, DESCRIPTOR), float32, of tiles (n, 1, side, side) uint8."""
        request = self._free.get()
        try:
            request.infer([tiles.numpy()])
            described: NDArray[np.float32] = np.array(request.get_output_tensor(0).data, np.float32)
        finally:
            self._free.put(request)
        return torch.from_numpy(described)


def _translated(network: GradeNetwork, side: int) -> Any:
    import openvino

    example = torch.zeros((2, 1, side, side), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, on the tracing that OpenVINO does
        translated = openvino.convert_model(_Described(network), example_input=example)
    translated.reshape([-1, 1, side, side])
    return translated


class _Described(nn.Module):
    def __init__(self, network: GradeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, tiles: Tensor) -> Tensor:
        return describe(self.network.stages(tiles))


def _cache_folder(sha256: str, side: int) -> Path:
    """Return where the 8-bit model of some weights lies; what another version or other code made has another place."""
    import openvino
    from platformdirs import user_cache_path

    code = b"".join(Path(str(file)).read_bytes() for file in (eight_bit.__file__, network_module.__file__, __file__))
    key = hashlib.sha256(f"{openvino.__version__} {sha256} {side} ".encode() + code)
    folder: Path = user_cache_path("gdest")
    return folder / f"openvino-{key.hexdigest()[:32]}"


def _read(place: Path | None) -> tuple[Any, float] | None:
    """Return a kept model and its gap of G; None when there is none or it cannot be read."""
    import openvino

    if place is None:
        return None
    try:
        model = openvino.Core().read_model(place / "model.xml")
        return model, float(model.get_rt_info(GAP).astype(str))
    except RuntimeError:
        return None


def _kept(model: Any, place: Path) -> Path | None:
    """Write a model to its place, whole or not at all; None for a cache that cannot be written: it costs seconds."""
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
    import openvino

    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
    return folder
