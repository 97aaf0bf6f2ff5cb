from __future__ import annotations

import numpy as np
import pytest
import tifffile
import torch

from gdest.core.errors import DataError
from gdest.core.records import ImageFile
from gdest.synth.dataset import write_tiff
from gdest.training.examples import load_examples, log2_of_code
from gdest.training.labels import Labelled

CPU = torch.device("cpu")


def squares(rows, cols, side, shift=0):
    """Return a label map of squares, moved up and left by `shift` px."""
    down, right = (np.indices((rows, cols)) + shift) // side
    return np.unique(down * 1000 + right, return_inverse=True)[1].reshape(rows, cols)


def labelled(folder, labels, pixels=None):
    grey = np.full(labels.shape, 128, np.uint8) if pixels is None else pixels
    write_tiff(folder / "a.tif", grey, 1.0)
    tifffile.imwrite(folder / "map.tif", labels.astype(np.uint32))
    return [Labelled(ImageFile(folder / "a.tif", "a.tif"), 7.0, 1.0, "a", folder / "map.tif")]


def test_grains_that_the_rim_cuts_in_half_are_as_large_in_the_density_map_as_whole_ones(tmp_path):
    (example,) = load_examples(labelled(tmp_path, squares(240, 260, 20, shift=10)), 1.0, CPU)
    code = example.pyramid[0][2]
    assert code.unique().tolist() == [151]  # 255 - 12 log2(400) is 151.27
    assert float(log2_of_code(code[0, 0].float())) == pytest.approx(-np.log2(400), abs=0.5 / 12)
    assert example.log2_density == pytest.approx([-np.log2(400)] * 2, abs=0.5 / 12)


def test_the_density_of_a_micrograph_is_its_number_of_grains_to_the_px(tmp_path):
    """The left half has squares of 40 px, the right half squares of 20 px: (1 / 1600 + 1 / 400) / 2 to the px."""
    labels = np.hstack([squares(240, 120, 40), 10**6 + squares(240, 120, 20)])
    labels = np.unique(labels, return_inverse=True)[1].reshape(240, 240)
    inside = np.s_[:, 40:200, 40:200]
    (example,) = load_examples(labelled(tmp_path, labels), 1.0, CPU)
    code = example.pyramid[0][2:][inside].float()
    assert float(torch.exp2(log2_of_code(code)).mean()) == pytest.approx((1 / 1600 + 1 / 400) / 2, rel=0.03)


def test_the_boundary_channel_is_black_and_white_where_two_squares_meet(tmp_path):
    (example,) = load_examples(labelled(tmp_path, squares(240, 240, 20)), 1.0, CPU)
    boundary = example.pyramid[0][1].numpy()
    assert set(np.unique(boundary)) == {0, 255}
    assert (boundary[:, 19] == 255).all()
    assert (boundary[:19, 20:39] == 0).all()


def test_a_label_map_of_another_size_is_one_sentence(tmp_path):
    grey = np.zeros((240, 260), np.uint8)
    with pytest.raises(DataError, match="another size"):
        load_examples(labelled(tmp_path, squares(240, 240, 20), grey), 1.0, CPU)
