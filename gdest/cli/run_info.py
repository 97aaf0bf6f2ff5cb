"""Load weights, and print what they are."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from gdest.core import ExitCode, __version__, printable
from gdest.model import LoadedModel, has_fast_bf16, load_model, weights_path


def load_weights(given: Path | None) -> LoadedModel:
    """Load a weights file, the bundled one when none is given."""
    return load_model(weights_path(given))


def run_info(weights: Path | None) -> ExitCode:
    """Print version, devices and model card on standard output; return the exit code."""
    import torch

    model = load_weights(weights)
    lines = {"gdest": __version__, "torch": torch.__version__, "cuda devices": torch.cuda.device_count()}
    lines |= {
        "bf16 on the CPU": has_fast_bf16("cpu"),
        "weights": weights_path(weights),
        "sha256": model.sha256,
    }
    for name, value in lines.items():
        sys.stdout.write(f"{name}: {printable(str(value))}\n")
    sys.stdout.write(json.dumps(asdict(model.card), indent=2) + "\n")
    return ExitCode.GRADED
