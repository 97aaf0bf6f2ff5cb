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
from gdest.model.devices import MOST_G_GAP, choose_device, choose_engine, take_part


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


def test_a_worker_takes_its_part_of_the_cores(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(devices, "CORES", 12)
    on_cpu = devices.EngineChoice("torch", "fp32", "cpu")
    try:
        torch.set_num_threads(8)
        for of, threads in ((2, 6), (5, 2), (40, 1)):
            assert take_part(GradeSettings(), on_cpu, 0, of) == GradeSettings()
            assert torch.get_num_threads() == threads
            torch.set_num_threads(8)
        take_part(GradeSettings(), on_cpu, 0, 1)
        assert torch.get_num_threads() == 8  # who asked for fewer knows better
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("wanted", "gpus", "number", "of", "device", "share"),
    [
        ("auto", 1, 3, 5, "cuda", 0.17),
        ("auto", 2, 3, 5, "cuda:1", 0.34),
        ("cuda", 2, 4, 5, "cuda:0", 0.34),
        ("cuda:1", 2, 0, 5, "cuda:1", 0.17),
        ("auto", 8, 6, 4, "cuda:6", 0.85),
    ],
)
def test_workers_take_gpus_in_turn_and_divide_their_memory(monkeypatch, wanted, gpus, number, of, device, share):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", lambda _count: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *about: asked.append(about))
    on_gpu = devices.EngineChoice("torch", "bf16", "cuda")
    assert take_part(GradeSettings(device=wanted), on_gpu, number, of).device == device
    assert asked == [(pytest.approx(share), torch.device(device).index or 0)]
