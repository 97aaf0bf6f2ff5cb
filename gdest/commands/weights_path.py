"""Find the weights file that a command works with."""

from __future__ import annotations

from pathlib import Path

from gdest.errors import WeightsError

BUNDLED = "austenite-resnet18.safetensors"
PACKAGE = Path(__file__).parent.parent


def weights_path(given: Path | None) -> Path:
    """Return the weights file that was asked for, or the one that travels with gdest."""
    if given is not None:
        return given
    for folder in (PACKAGE / "weights", PACKAGE.parent / "weights"):
        if (folder / BUNDLED).is_file():
            return folder / BUNDLED
    raise WeightsError(f"The bundled weights {BUNDLED} are missing; install gdest again or give --weights FILE.")
