"""Find a weights file and read its card without loading it: a scan with nothing to do needs no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open

from gdest.core import ModelCard, WeightsError, in_plain_words, printable

CARD_KEY = "gdest_model_card"
BUNDLED = "austenite-resnet18.safetensors"
BUNDLED_CLASSIFIER = "austenite-resnet18-classifier.safetensors"
LONGEST_REASON = 300
PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class ModelFile:
    """Hold the path, name, SHA-256 and model card of a weights file."""

    path: Path
    name: str
    sha256: str
    card: ModelCard


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


def read_model_file(path: Path) -> ModelFile:
    """Return what a weights file says of itself; raise `WeightsError` when it is missing, damaged or not gdest's."""
    try:
        if not path.exists():
            raise WeightsError("there is no such file.")
        if not path.is_file():  # a FIFO would wait for ever
            raise WeightsError("it is not a regular file.")
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        if CARD_KEY not in metadata:
            raise WeightsError("it has no gdest model card.")
        card = ModelCard.from_json(metadata[CARD_KEY])
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except Exception as error:  # safetensors raises many kinds for a damaged file
        raise unusable(path, error) from error
    return ModelFile(path, path.stem, sha256, card)


def unusable(path: Path, error: Exception) -> WeightsError:
    """Return the one sentence that says why a weights file cannot be used."""
    lines = in_plain_words(error).splitlines()
    why = printable(lines[0])[:LONGEST_REASON]
    return WeightsError(f"Weights {path} cannot be used: {why}")


def check_for_grading(name: str, card: ModelCard) -> None:
    """Raise `WeightsError` for weights that cannot grade: of whole images, or without interval or limits of doubt."""
    if card.input != "crop":
        raise WeightsError(f"Weights {name} were trained on whole images; grading needs a model of crops.")
    if missing := card.missing_for_grading():
        raise WeightsError(
            f"Weights {name} cannot grade: their model card lacks {missing}; finish them with gdest train --epochs 0."
        )
