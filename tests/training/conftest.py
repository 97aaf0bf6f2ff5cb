"""Micrographs and a network that the tests of training share, since to draw and to train them takes seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from helpers.small_training import QUICK, one_thread

from gdest.core.model_card import ModelCard
from gdest.synth.dataset import write_dataset
from gdest.synth.settings import SynthSettings
from gdest.training.examples import load_examples
from gdest.training.feeding import Decoded
from gdest.training.fit import train
from gdest.training.labels import read_labels


@dataclass(frozen=True)
class Trained:
    """Hold where the weights of an undisturbed run lie, its card, and what it said."""

    weights: Path
    card: ModelCard
    said: list[str]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Draw ten micrographs of G 7 to 11 with their label maps; return their folder."""
    folder = tmp_path_factory.mktemp("drawn")
    list(write_dataset(folder, SynthSettings(count=10, g_min=7.0, g_max=11.0, rows=224, cols=224, label_maps=True)))
    return folder


@pytest.fixture(scope="session")
def decoded(drawn):
    """Decode the drawn micrographs, two of them for validation."""
    examples = load_examples(read_labels(drawn, None), 1.0, torch.device("cpu"))
    return Decoded(examples[:8], examples[8:])


@pytest.fixture(scope="session")
def trained(drawn, tmp_path_factory):
    """Train one network on the drawn micrographs, undisturbed."""
    out, said = tmp_path_factory.mktemp("trained") / "whole.safetensors", []
    with one_thread():
        return Trained(out, train(drawn, out, QUICK, said.append), said)


@pytest.fixture(scope="session")
def two_grades(tmp_path_factory):
    """Draw six micrographs each of G 7 and 10; return their folder."""
    folder = tmp_path_factory.mktemp("grades")
    list(write_dataset(folder, SynthSettings(count=12, grades=(7.0, 10.0), rows=224, cols=256)))
    return folder


@pytest.fixture(scope="session", autouse=True)
def planted_int8_limits():
    """Give new weights limits at once that no engine uses, since measuring them takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "gdest.training.fit.with_int8_limits",
            lambda model: replace(model, card=replace(model.card, int8_limits=(1.0,), int8_g_gap=9.0)),
        )
        yield
