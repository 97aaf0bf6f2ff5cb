"""Cut tiles on the device that runs the network: the pixels of a picture are sent once and halved there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gdest.core import GreyImage, Tiles


@dataclass(frozen=True)
class _Held:
    """Hold a picture (rows, cols) uint8 on a device, and on a GPU the event that other streams wait for."""

    picture: Tensor
    there: torch.cuda.Event | None


def cut_on(device: torch.device, parts: Sequence[Tiles]) -> Tensor:
    """Return the tiles of several pictures, (n, 1, side, side) uint8 on the device, in the present stream.

    A picture keeps its copy on the device in `device_copy`, so it is sent once, whatever is cut from it; it
    must live until the tiles have been used.
    """
    return torch.cat([_cut(_on(device, part.image), part) for part in parts]).unsqueeze(1)


def _on(device: torch.device, image: GreyImage) -> Tensor:
    """Return the picture on the device, after the stream that sent it there has done so."""
    with image.lock:
        if image.device_copy is None:
            picture = _sent(device, image) if image.whole is None else halve_on_device(_on(device, image.whole))
            there = None
            if device.type == "cuda":
                there = torch.cuda.Event()  # type: ignore[no-untyped-call]
                there.record(torch.cuda.current_stream(device))
            image.device_copy = _Held(picture, there)
        held = image.device_copy
    assert isinstance(held, _Held)
    if held.there is not None:
        held.there.wait(torch.cuda.current_stream(device))
    return held.picture


def _sent(device: torch.device, image: GreyImage) -> Tensor:
    pixels = torch.from_numpy(np.require(image.pixels, requirements=["C", "W"]))
    if device.type == "cuda":
        pixels = pixels.pin_memory()  # else the call returns only after the copy
    return pixels.to(device, non_blocking=True)


def halve_on_device(picture: Tensor) -> Tensor:
    """Return a picture (rows, cols) uint8 at half the size, as `core.halve` does to the last grey level."""
    rows, cols = picture.shape
    if rows % 2:
        picture = torch.cat([picture, picture[-1:]])
    if cols % 2:
        picture = torch.cat([picture, picture[:, -1:]], dim=1)
    wide = picture.to(torch.int16)
    four = wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2]
    return ((four + 2) // 4).to(torch.uint8)


def _cut(picture: Tensor, part: Tiles) -> Tensor:
    corners = torch.from_numpy(part.corners).to(picture.device, non_blocking=True)
    along = torch.arange(part.source_px, device=picture.device)
    rows, cols = corners[:, :1] + along, corners[:, 1:] + along
    tiles = picture[rows[:, :, None], cols[:, None, :]]
    if not part.enlarged:
        return tiles
    larger = functional.interpolate(tiles[:, None].float(), scale_factor=2, mode="bilinear", align_corners=False)
    return larger[:, 0].round().to(torch.uint8)
