"""Tell which model a weights file holds without loading it: a scan with nothing to do needs no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from gdest.core import ModelCard, WeightsError

CARD_KEY = "gdest_model_card"


@dataclass(frozen=True)
class ModelFile:
    """Name a weights file and what it says of itself."""

    path: Path
    name: str
    sha256: str
    card: ModelCard


def read_model_file(path: Path) -> ModelFile:
    """Return what a weights file is; raise `WeightsError` when it is missing, damaged or not gdest's."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        if CARD_KEY not in metadata:
            raise WeightsError("it has no gdest model card.")
        card = ModelCard.from_json(metadata[CARD_KEY])
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, SafetensorError, WeightsError) as error:
        raise WeightsError(f"Weights {path} cannot be used: {error}") from error
    return ModelFile(path, path.stem, sha256, card)
