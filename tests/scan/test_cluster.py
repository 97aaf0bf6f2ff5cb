"""A scan on a local Ray cluster of two nodes, and one of them killed half-way."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from helpers.predictors import CARD
from helpers.scan_fixtures import put

from gdest.core.errors import ArchiveError
from gdest.core.records import ImageFile, TileAnswers
from gdest.core.settings import GradeSettings
from gdest.grading.pipeline import grade_files
from gdest.scan import cluster

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


def answers(graded):
    return sorted((file.name, [getattr(row, "g_seen", row.reason) for row in rows]) for file, rows in graded)


@pytest.fixture(scope="module")
def expected(files):
    return answers(grade_files(files, maker()(), GradeSettings()))


def test_the_cluster_gives_the_rows_of_the_local_engine_and_a_lost_node_costs_none(
    two_nodes, files, expected, monkeypatch
):
    monkeypatch.setattr(cluster, "FILES_A_CHUNK", 4)
    nodes, second = two_nodes
    with closing(cluster.Cluster(maker(), GradeSettings(), None)) as engine:
        assert answers(engine.grade(files)) == expected

    graded = []
    with closing(cluster.Cluster(maker(0.1), GradeSettings(batch=4), None)) as engine:
        for file, rows in engine.grade(files):
            graded.append((file, rows))
            if len(graded) == 9:
                nodes.remove_node(second, allow_graceful=False)
    assert answers(graded) == expected


def test_a_worker_that_never_starts_is_one_sentence(two_nodes, files, monkeypatch):
    monkeypatch.setattr(cluster, "MOST_LOSSES", 1)

    def broken():
        import os

        os._exit(1)

    assert two_nodes
    with (
        closing(cluster.Cluster(broken, GradeSettings(), None)) as engine,
        pytest.raises(ArchiveError, match="again and again at its start"),
    ):
        list(engine.grade(files))
