"""Which device and precision a network runs on."""

from __future__ import annotations

import pytest
import torch

from gdest.core.errors import SettingsError
from gdest.model.devices import choose_device, chooses_bf16, chooses_int8, has_fast_bf16, has_fast_int8


@pytest.mark.parametrize(
    ("words", "bf16", "int8"),
    [
        ("GenuineIntel avx512f amx_bf16 avx512_bf16 avx512_vnni", True, True),
        ("GenuineIntel avx512f avx512_bf16 avx512_vnni", False, True),
        ("AuthenticAMD avx512f avx512_bf16 avx512_vnni", True, True),
        ("GenuineIntel avx_vnni", False, True),
        ("AuthenticAMD avx2", False, False),
        ("", False, False),
    ],
)
def test_the_precision_follows_the_cpu(words, bf16, int8, monkeypatch):
    monkeypatch.setattr("gdest.model.devices._cpu_words", lambda: frozenset(words.split()))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    cpu = torch.device("cpu")
    assert has_fast_bf16(cpu) is chooses_bf16("auto", cpu) is bf16
    assert has_fast_int8() is chooses_int8("auto") is int8
    assert chooses_bf16("bf16", cpu)
    assert not chooses_bf16("fp32", cpu)
    assert not chooses_int8("bf16")
    assert not chooses_int8("fp32")


def test_a_device_that_is_unknown_or_missing_is_one_clear_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(SettingsError, match="toaster: unknown device"):
        choose_device("toaster")
    with pytest.raises(SettingsError, match="no CUDA device"):
        choose_device("cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")
