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
    code = example.pyramid[0][2:3][inside].float()
    assert float(torch.exp2(log2_of_code(code)).mean()) == pytest.approx((1 / 1600 + 1 / 400) / 2, rel=0.03)


def test_neighbouring_grains_have_numbers_of_their_own_at_every_size(tmp_path):
    (example,) = load_examples(labelled(tmp_path, squares(480, 480, 20)), 1.0, CPU)
    for level, side in zip(example.pyramid, (20, 10, 5), strict=True):
        numbers = level[1].numpy()
        assert (numbers[:, side - 1] != numbers[:, side]).all()
        assert len(np.unique(numbers[:side, :side])) == 1


def test_twins_and_particles_come_from_the_second_page_and_are_unknown_without_it(tmp_path):
    items = labelled(tmp_path, squares(240, 240, 20))
    assert not load_examples(items, 1.0, CPU)[0].shows_features
    features = np.zeros((240, 240), np.uint8)
    features[30], features[60:80, 60:80] = 1, 2
    with tifffile.TiffWriter(tmp_path / "map.tif") as file:
        file.write(squares(240, 240, 20).astype(np.uint32))
        file.write(features)
    (example,) = load_examples(items, 1.0, CPU)
    assert example.shows_features
    _, _, _, twin, particle = example.pyramid[0].numpy()
    assert (int((twin > 0).sum()), int((particle > 0).sum())) == (240, 400)
    assert (twin[30] == 255).all()
    # a line one px wide is still there at half the size
    assert (example.pyramid[1][3, 15] == 255).all()


def test_a_label_map_of_another_size_is_one_sentence(tmp_path):
    grey = np.zeros((240, 260), np.uint8)
    with pytest.raises(DataError, match="another size"):
        load_examples(labelled(tmp_path, squares(240, 240, 20), grey), 1.0, CPU)
