from __future__ import annotations

import numpy as np
import pytest

from gdest.core.fingerprints import alike, fingerprint


def written(steps):
    return (np.asarray(steps) + 128).astype(np.uint8).tobytes().hex()


def test_a_fingerprint_is_the_step_between_two_windows_at_each_of_64_points():
    pixels = np.full((800, 1600), 100, np.uint8)
    pixels[:, 900:] = 150  # 100 px into the fifth of eight columns of 200 px: at its middle
    found = np.frombuffer(bytes.fromhex(fingerprint(pixels)), np.uint8).reshape(8, 8).astype(int) - 128
    assert (found[:, 4] == -50).all()
    assert (np.delete(found, 4, axis=1) == 0).all()


@pytest.mark.parametrize("shape", [(224, 224), (225, 1999), (3000, 230)])
def test_a_fingerprint_of_any_picture_has_64_points(rng, shape):
    assert len(fingerprint(rng.integers(0, 256, shape, dtype=np.uint8))) == 128


def test_what_is_alike_through_a_third_is_one_field():
    one, other = np.repeat([20.0, 0.0], 32), np.repeat([0.0, 20.0], 32)
    # correlations 0.86 between the first two and 0.82 between the last two, but 0.41 between the ends
    three = [written(np.rint(one)), written(np.rint(one + 0.6 * other)), written(np.rint(0.4 * one + 0.9 * other))]
    assert alike([three[0], three[2]]) == [0, 1]
    assert alike(three) == [0, 0, 0]


def test_three_strong_edges_that_two_fields_share_do_not_outweigh_their_grains(rng):
    def field():
        steps = rng.integers(-10, 11, 64)
        steps[[5, 20, 40]] = 120
        return written(steps)

    assert alike([field() for _ in range(20)]) == list(range(20))


def test_what_is_no_fingerprint_is_like_no_other_and_nothing_is_nothing(rng):
    real = written(rng.integers(-30, 31, 64))
    assert alike(["", "", "zz", "00", written(np.zeros(64)), real, written(np.zeros(64)), real]) == [
        *(0, 1, 2, 3, 4, 5, 6),
        5,
    ]
    assert alike([]) == []


def test_a_copy_is_found_however_many_fields_lie_between(rng, monkeypatch):
    monkeypatch.setattr("gdest.core.fingerprints.AT_ONCE", 4)
    many = [written(rng.integers(-30, 31, 64)) for _ in range(15)]
    found = alike([*many, many[2], many[14]])
    assert found == [*range(15), 2, 14]
