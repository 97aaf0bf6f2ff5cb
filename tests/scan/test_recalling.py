"""The grade maps of files whose bytes were graded before, asked for by threads."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from helpers.predictors import FakePredictor

from gdest.core.errors import OutputError
from gdest.core.records import FileState, ImageFile, Micrograph
from gdest.core.tiles import GreyImage
from gdest.grading.zooms import predict_grade_map
from gdest.scan.ledger import Ledger
from gdest.scan.ledger_schema import Finding
from gdest.scan.recalling import memory


def micrograph(path, name, sha256):
    return Micrograph(ImageFile(path, name), np.zeros((230, 240), np.uint8), 1.0, "test", sha256)


@pytest.fixture
def out(tmp_path):
    """An output folder whose ledger knows a file of two micrographs with G seen 3 and 7."""
    with Ledger.open(tmp_path, create=True) as ledger:
        recipe = ledger.recipe("fake", "0" * 64, FakePredictor.card, {})
        pixels = np.zeros((230, 240), np.uint8)
        maps = [predict_grade_map(GreyImage(pixels), FakePredictor(g), 224) for g in (3.0, 7.0)]
        rows = [
            Finding({"file": f"a.tif{page}", "status": "graded"}, one)
            for page, one in zip(("", "#2"), maps, strict=True)
        ]
        with ledger.writing():
            ledger.record(recipe.id, FileState("a.tif", "/a.tif", 1, 1, "known"), rows)
    return tmp_path


def test_each_micrograph_of_the_same_bytes_finds_its_own_map_under_another_name(out, tmp_path):
    with memory(out, 1) as recall:
        assert recall(micrograph(tmp_path / "b#1.tif", "b#1.tif", "known")).g_seen.max() == pytest.approx(3.0)
        assert recall(micrograph(tmp_path / "b.tif", "b.tif#2", "known")).g_seen.max() == pytest.approx(7.0)
        assert recall(micrograph(tmp_path / "b.tif", "b.tif#3", "known")) is None
        assert recall(micrograph(tmp_path / "b.tif", "b.tif", "other")) is None


def test_the_ledger_is_not_closed_under_a_thread_that_reads_it(out, tmp_path, monkeypatch):
    inside, found, real = threading.Event(), [], Ledger.remembered

    def slow(ledger, *arguments):
        inside.set()
        time.sleep(0.3)
        return real(ledger, *arguments)

    monkeypatch.setattr(Ledger, "remembered", slow)
    asked = micrograph(tmp_path / "a.tif", "a.tif", "known")
    with memory(out, 1) as recall:
        thread = threading.Thread(target=lambda: found.append(recall(asked)))
        thread.start()
        assert inside.wait(10)
    thread.join()
    assert found[0].g_seen.max() == pytest.approx(3.0)
    with pytest.raises(OutputError, match="has ended"):
        recall(asked)
