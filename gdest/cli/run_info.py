"""Load weights, and print what they are."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import wrap
from typing import Any

from gdest.core import ExitCode, __version__, escaped_json, printable
from gdest.model import LoadedModel, has_fast_bf16, load_model, weights_path

TOGETHER = "\N{NO-BREAK SPACE}"
"""Between words of a value that stay on one line, until it is printed."""

LEAST_CHARACTERS = 30
"""A value is not wrapped to less; a narrower terminal breaks the line by itself."""


def load_weights(given: Path | None) -> LoadedModel:
    """Load a weights file, the bundled one when none is given."""
    return load_model(weights_path(given))


def run_info(weights: Path | None, *, as_json: bool = False) -> ExitCode:
    """Print version, devices and model card on standard output; return the exit code."""
    import torch

    model = load_weights(weights)
    known = {"gdest": __version__, "torch": torch.__version__, "cuda devices": torch.cuda.device_count()}
    known |= {
        "bf16 on the CPU": has_fast_bf16("cpu"),
        "weights": str(weights_path(weights)),
        "sha256": model.sha256,
    }
    card = asdict(model.card)
    if as_json:
        text = json.dumps({**known, "model card": card}, indent=2, ensure_ascii=False)
        sys.stdout.write(escaped_json(text) + "\n")
        return ExitCode.GRADED
    _print_pairs([(name, _in_words(value)) for name, value in known.items()])
    sys.stdout.write("\nModel card\n")
    _print_pairs(list(card_lines(card)))
    return ExitCode.GRADED


def card_lines(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and value of each entry of a model card as a person reads them."""
    for name, value in card.items():
        words = name.replace("_", " ")
        if isinstance(value, Mapping):
            yield from ((f"{words}: {part.replace('_', ' ')}", _in_words(one)) for part, one in value.items())
        else:
            yield words, _in_words(value)


def _in_words(value: Any) -> str:
    """Return a value as text; a curve is its points, `G 5: 0.49, G 6: 0.81`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if not isinstance(value, (list, tuple)):
        return str(value if value not in (None, "") else "none")
    if value and all(isinstance(one, (list, tuple)) and len(one) == 2 for one in value):
        return ", ".join(f"G{TOGETHER}{g:g}:{TOGETHER}{at:g}" for g, at in value)
    return ", ".join(map(_in_words, value)) or "none"


def _print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns; on a terminal a long value goes on below itself."""
    width = max(len(name) for name, _ in pairs)
    room = shutil.get_terminal_size().columns - width - 2 if sys.stdout.isatty() else 0
    for name, value in pairs:
        text = printable(value)
        lines = wrap(text, max(room, LEAST_CHARACTERS)) or [""] if room else [text]
        lines = [line.replace(TOGETHER, " ") for line in lines]
        for number, line in enumerate(lines):
            sys.stdout.write(f"{'' if number else printable(name):<{width}}  {line}".rstrip() + "\n")
