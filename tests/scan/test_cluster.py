"""A scan on a local Ray cluster of two nodes, and one of them killed half-way."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from helpers.predictors import CARD
from helpers.scan_fixtures import put

from gdest.core.errors import ArchiveError, OutputError, WeightsError
from gdest.core.files import UNFINISHED
from gdest.core.records import ImageFile, TileAnswers
from gdest.core.settings import GradeSettings
from gdest.reports import ModelName
from gdest.scan import cluster
from gdest.scan.feeding import Feed
from gdest.scan.finishing import Finisher
from gdest.scan.stopping import Stop

cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed: pip install gdest[ray]")
pytestmark = pytest.mark.slow


def maker(seconds=0.0):
    """Return a function that makes a predictor on a worker, which cannot import this file."""

    card_of_tests = CARD

    def make():
        import time

        from gdest.core.tiles import cut_parts

        class Predictor:
            card, name, sha256, batch, streams = card_of_tests, "fake", "0" * 64, 64, 1

            def predict(self, parts):
                tiles = cut_parts(parts)
                time.sleep(seconds)
                unknown = np.full((len(tiles), 4), np.nan, np.float32)
                return TileAnswers((5 + tiles.mean(axis=(1, 2)) / 50).astype(np.float32), unknown[:, :3], unknown[:, 3])

        return Predictor()

    return make


@pytest.fixture(scope="module")
def two_nodes():
    import ray

    nodes = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    ray.init(address=nodes.address, log_to_driver=False)
    yield nodes, second
    ray.shutdown()
    nodes.shutdown()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    root = tmp_path_factory.mktemp("archive")
    found = [ImageFile(put(root, f"{i}.tif", i), f"{i}.tif") for i in range(36)]
    found[7].path.write_bytes(b"II*\0")
    return found


@pytest.fixture
def feed(tmp_path):
    """Feed the files to a cluster with a network; the output folder is `out` below the test's own."""

    def fed(make, files, batch=0, draws=True):
        (tmp_path / "out").mkdir(exist_ok=True)
        finisher = Finisher(tmp_path / "out", ModelName("fake", "0" * 64), draws=draws)
        crew = cluster.Cluster(make, GradeSettings(batch=batch), finisher, None)
        with closing(Feed(crew, finisher, Stop(), crew.size)) as feeding:
            yield from feeding.finished(files, len(files))

    return fed


def answers(finished):
    return sorted(
        (one.file.name, [(row.cells["g_seen"], row.cells["reason"], row.pictures) for row in one.findings])
        for one in finished
    )


@pytest.fixture
def expected(files, tmp_path):
    finisher = Finisher(tmp_path / "here", ModelName("fake", "0" * 64), draws=True)
    return answers(finisher.finished(files, maker()(), GradeSettings()))


def test_actors_give_the_rows_and_draw_the_pictures_of_one_process_and_a_lost_node_costs_none(
    two_nodes, files, feed, expected, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster, "FILES_A_CHUNK", 4)
    nodes, second = two_nodes
    assert answers(feed(maker(), files)) == expected
    drawn, here = (tmp_path / out / "heatmaps" for out in ("out", "here"))
    assert {path.name: path.read_bytes() for path in drawn.iterdir()} == {
        path.name: path.read_bytes() for path in here.iterdir()
    }

    finished = []
    for one in feed(maker(0.1), files, batch=4):
        finished.append(one)
        if len(finished) == 9:
            nodes.remove_node(second, allow_graceful=False)
    assert answers(finished) == expected
    assert list((tmp_path / "out").rglob(f"{UNFINISHED}*")) == []


def test_a_worker_that_never_starts_is_one_sentence(two_nodes, files, feed, monkeypatch):
    monkeypatch.setattr("gdest.scan.feeding.MOST_LOST_AT_START", 1)

    def broken():
        import os

        os._exit(1)

    assert two_nodes
    with pytest.raises(ArchiveError, match="was lost while it started"):
        list(feed(broken, files))


def test_a_network_that_cannot_be_loaded_is_the_sentence_of_one_machine(two_nodes, files, feed):
    def wrong():
        from gdest.core.errors import WeightsError

        raise WeightsError("These weights are not for grading.")

    assert two_nodes
    with pytest.raises(WeightsError, match=r"^These weights are not for grading\.$"):
        list(feed(wrong, files))


def test_an_output_that_the_machines_do_not_share_is_one_sentence_unless_nothing_is_drawn(
    two_nodes, files, feed, expected, monkeypatch
):
    monkeypatch.setattr(cluster, "_made_mark", lambda out: out / "on another machine")
    assert two_nodes
    with pytest.raises(OutputError, match="not one folder for all machines"):
        list(feed(maker(), files))
    undrawn = [(name, [(g, reason, {}) for g, reason, _ in rows]) for name, rows in expected]
    assert answers(feed(maker(), files, draws=False)) == undrawn
