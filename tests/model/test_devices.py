"""Which engine, device and precision a network runs on."""

from __future__ import annotations

import sys
from dataclasses import astuple, replace
from types import SimpleNamespace

import pytest
import torch
from helpers.predictors import CARD

from gdest.core.errors import SettingsError
from gdest.core.settings import GradeSettings
from gdest.model import devices
from gdest.model.devices import MOST_G_GAP, choose_device, choose_engine


@pytest.fixture
def machine(monkeypatch):
    """Return a machine that a test may change: what its CPU knows, whether it has a GPU and OpenVINO."""
    told = SimpleNamespace(words="", cuda=False, openvino=True)
    monkeypatch.setattr(devices, "_cpu_words", lambda: frozenset(told.words.split()))
    monkeypatch.setattr(devices, "has_cuda", lambda: told.cuda)
    monkeypatch.setattr(devices, "openvino_is_installed", lambda: told.openvino)
    return told


EXACT = replace(CARD, int8_limits=(1.0,), int8_g_gap=0.01)


def chosen(card=EXACT, **settings):
    return astuple(choose_engine(GradeSettings(**settings), card))


@pytest.mark.parametrize(
    ("words", "precision"),
    [
        ("GenuineIntel avx512f amx_bf16 avx512_bf16 avx512_vnni", "bf16"),
        ("GenuineIntel avx512f avx512_bf16 avx512_vnni", "fp32"),
        ("AuthenticAMD avx512f avx512_bf16 avx512_vnni", "bf16"),
        ("GenuineIntel avx_vnni", "fp32"),
        ("", "fp32"),
    ],
)
def test_the_machine_chooses_the_precision_and_never_8_bits_which_move_single_fields(machine, words, precision):
    machine.words = words
    assert chosen() == ("torch", precision, "cpu")
    machine.openvino = False
    assert chosen() == ("torch", precision, "cpu")
    machine.cuda = True
    assert chosen() == ("torch", "bf16", "cuda")


def test_the_settings_choose_before_the_machine(machine):
    machine.words = "AuthenticAMD avx512_bf16"
    assert chosen(precision="fp32") == ("torch", "fp32", "cpu")
    assert chosen(precision="int8") == ("openvino", "int8", "cpu")
    assert chosen(device="cuda:1", precision="fp32") == ("torch", "fp32", "cuda")
    machine.cuda = True
    assert chosen(device="cpu") == ("torch", "bf16", "cpu")
    assert chosen(device="cpu", precision="int8") == ("openvino", "int8", "cpu")


def test_8_bits_that_cannot_be_had_are_one_clear_sentence(machine):
    for card, sentence in (
        (replace(EXACT, int8_limits=(), int8_g_gap=None), "no int8_limits"),
        (replace(EXACT, int8_g_gap=MOST_G_GAP * 1.01), "change G of a tile by 0.03"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            chosen(card, precision="int8")
    assert chosen(replace(EXACT, int8_g_gap=MOST_G_GAP), precision="int8")[1] == "int8"
    with pytest.raises(SettingsError, match="a CPU and OpenVINO"):
        chosen(device="cuda", precision="int8")
    machine.openvino = False
    with pytest.raises(SettingsError, match="a CPU and OpenVINO"):
        chosen(precision="int8")


def test_a_gpu_is_looked_for_without_torch_where_there_is_no_driver(monkeypatch):
    monkeypatch.setattr(devices, "DRIVERS", ())
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it fails
    monkeypatch.delitem(sys.modules, "torch")
    before = set(sys.modules)
    assert devices.has_cuda() is False
    assert "torch" not in set(sys.modules) - before


def test_a_device_that_is_unknown_or_missing_is_one_clear_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(SettingsError, match="toaster: unknown device"):
        choose_device("toaster")
    with pytest.raises(SettingsError, match="no CUDA device"):
        choose_device("cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")
