"""Loading the network in a worker."""

from __future__ import annotations

import pytest
import torch

from gdest.core.errors import SettingsError
from gdest.core.settings import GradeSettings
from gdest.model import EngineChoice, predictor
from gdest.model.weights_file import weights_path
from gdest.scan.loading import load_predictor


def test_a_gpu_that_takes_one_process_only_is_one_sentence_for_workers(monkeypatch):
    def busy(*_arguments):
        raise RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable\nCompile with ...")

    monkeypatch.setattr(predictor, "to_device", busy)
    monkeypatch.setattr(torch, "set_num_threads", lambda _count: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *_about: None)
    engine = EngineChoice("torch", "bf16", "cuda")
    with pytest.raises(SettingsError, match=r"^A worker .*busy or unavailable\); give fewer --workers, or 1\.$"):
        load_predictor(weights_path(None), GradeSettings(), engine, 4, 2)
    with pytest.raises(RuntimeError, match="Compile with"):
        load_predictor(weights_path(None), GradeSettings(), engine)
