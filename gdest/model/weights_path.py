"""Find the weights file that a command works with."""

from __future__ import annotations

from pathlib import Path

from gdest.core import WeightsError

BUNDLED = "austenite-resnet18.safetensors"
BUNDLED_CLASSIFIER = "austenite-resnet18-classifier.safetensors"
PACKAGE = Path(__file__).parent.parent


def weights_path(given: Path | None, bundled: str = BUNDLED) -> Path:
    """Return the weights file that was asked for, or the one that travels with gdest."""
    if given is not None:
        return given
    for folder in (PACKAGE / "weights", PACKAGE.parent / "weights"):
        if (folder / bundled).is_file():
            return folder / bundled
    if bundled == BUNDLED_CLASSIFIER:
        raise WeightsError(
            "No classifier is bundled: train one with gdest train --task classification, give --weights FILE."
        )
    raise WeightsError(f"The bundled weights {bundled} are missing; install gdest again or give --weights FILE.")
