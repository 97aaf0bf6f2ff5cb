from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from gdest.training import augment
from gdest.training.augment import contrast_jitter, cut_batch, validation_batch
from gdest.training.examples import Example, log2_density
from gdest.training.settings import TrainSettings


def example(pixels, g=6.0, codes=None):
    """Return an example of grey pixels; with codes of the grain size, the pixels are the numbers of the grains too."""
    channels = [pixels] if codes is None else [pixels, pixels, codes, 0 * pixels, 0 * pixels]
    levels = [torch.from_numpy(np.stack(channels).astype(np.uint8))]
    for _ in range(2):
        halved = functional.avg_pool2d(levels[-1].float(), 2).round().to(torch.uint8)
        if len(channels) > 1:
            halved[1:] = levels[-1][1:, ::2, ::2]
        levels.append(halved)
    density = () if codes is None else tuple(float(log2_density(level[2:3])) for level in levels)
    return Example(tuple(levels), g, density)


def waves(period, side=720):
    rows, cols = np.indices((side, side))
    return 127 + 100 * np.cos(2 * np.pi * rows / period) * np.cos(2 * np.pi * cols / period)


@pytest.fixture(autouse=True)
def _always_resample(monkeypatch):
    monkeypatch.setattr(augment, "EXACT_SHARE", 0.0)


def measured_frequency(crop):
    """Return the radius of the strongest Fourier component, cycles per px."""
    spectrum = np.abs(np.fft.fft2((crop - crop.mean()) * np.hanning(224)[:, None] * np.hanning(224)[None, :]))
    row, col = np.unravel_index(np.argmax(spectrum), spectrum.shape)
    return np.hypot(*(min(at, 224 - at) / 224 for at in (row, col)))


@pytest.mark.parametrize("limit", [0.5, 2.0])
def test_the_label_moves_with_the_size_that_the_picture_shows(limit):
    """A planted wave of known period must appear 2^(dG/2) times finer when the label grows by dG."""
    settings = TrainSettings(rescale_g=limit, contrast=0.0)
    batch = cut_batch([example(waves(24))] * 12, settings, (0.0, 16.0), np.random.default_rng(1))
    shifts = batch.g_seen.numpy() - 6.0
    assert np.abs(shifts).max() <= limit
    assert np.ptp(shifts) > 0.8 * limit
    for crop, shift in zip(batch.crops[:, 0].numpy(), shifts, strict=True):
        expected = np.sqrt(2) / 24 * 2 ** (shift / 2)
        assert measured_frequency(crop) == pytest.approx(expected, abs=1.2 / 224)


def test_crops_have_no_black_corners():
    settings = TrainSettings(rescale_g=2.0, contrast=0.0)
    white = example(np.full((260, 300), 200.0))
    batch = cut_batch([white] * 16, settings, (0.0, 16.0), np.random.default_rng(0))
    assert batch.crops.shape == (16, 1, 224, 224)
    assert batch.crops.min() > 199
    assert batch.crops.max() < 201


def test_labels_never_leave_the_trained_range():
    batch = cut_batch(
        [example(waves(24), g=12.9)] * 32, TrainSettings(rescale_g=2.0), (1.0, 13.0), np.random.default_rng(0)
    )
    assert batch.g_seen.max() <= 13.0
    assert batch.g_seen.min() < 11.5


def test_crops_are_turned_and_mirrored():
    ramp = example(np.tile(np.linspace(0, 255, 720), (720, 1)))
    batch = cut_batch([ramp] * 40, TrainSettings(rescale_g=0.0, contrast=0.0), (0.0, 16.0), np.random.default_rng(0))
    slope_right = (batch.crops[:, 0, :, -1] - batch.crops[:, 0, :, 0]).mean(1).numpy()
    slope_down = (batch.crops[:, 0, -1] - batch.crops[:, 0, 0]).mean(1).numpy()
    angles = np.arctan2(slope_down, slope_right)
    assert len(np.unique(np.digitize(angles, np.linspace(-np.pi, np.pi, 5)))) >= 4
    assert np.hypot(slope_right, slope_down) == pytest.approx(223 * 255 / 719, rel=0.03)


def test_contrast_jitter_changes_contrast_and_not_the_place_of_things():
    batch = cut_batch(
        [example(waves(24))] * 8, TrainSettings(rescale_g=0.0, contrast=0.5), (0, 16), np.random.default_rng(0)
    )
    assert np.ptp(batch.crops.std(dim=(1, 2, 3)).numpy()) > 10


def test_gamma_gain_and_offset_of_each_crop_are_drawn_by_themselves_and_within_their_limit():
    """Three greys tell the three numbers: out = (grey^gamma - 1/2) gain + 1/2 + offset / 2."""
    greys, amount = np.array([0.35, 0.5, 0.65]), 0.3
    crops = torch.tensor(greys * 255.0, dtype=torch.float32).expand(200, 1, 1, 3)
    low, middle, high = contrast_jitter(crops, amount, np.random.default_rng(2)).numpy()[:, 0, 0].T / 255.0
    bend = (middle - low) / (high - low)  # this does not depend on gain and offset
    gammas = np.exp(np.linspace(-0.5, 0.5, 20001))
    bends = (greys[1] ** gammas - greys[0] ** gammas) / (greys[2] ** gammas - greys[0] ** gammas)
    gamma = gammas[np.abs(bend[:, None] - bends).argmin(axis=1)]
    gain = (high - low) / (greys[2] ** gamma - greys[0] ** gamma)
    offset = 2.0 * (middle - 0.5 - gain * (greys[1] ** gamma - 0.5))
    drawn = np.array([np.log(gamma), gain - 1.0, offset])
    assert (np.abs(drawn) <= amount + 0.01).all()
    assert (drawn.min(axis=1) < -0.8 * amount).all()
    assert (drawn.max(axis=1) > 0.8 * amount).all()
    assert np.abs(np.corrcoef(drawn)[np.triu_indices(3, 1)]).max() < 0.25
    assert np.allclose(contrast_jitter(crops, 0.0, np.random.default_rng(2)), crops, atol=1e-3)


def test_a_share_of_the_crops_is_cut_without_any_smoothing_from_the_picture_or_its_half(monkeypatch):
    monkeypatch.setattr(augment, "EXACT_SHARE", 1.0)
    source = example(np.random.default_rng(0).integers(0, 256, (500, 520)))
    settings = TrainSettings(rescale_g=2.0, contrast=0.0)
    batch = cut_batch([source] * 12, settings, (0.0, 16.0), np.random.default_rng(0))
    assert set(batch.g_seen.tolist()) == {6.0, 8.0}
    for crop, g in zip(np.round(batch.crops[:, 0].numpy()).astype(int), batch.g_seen, strict=True):
        places = np.lib.stride_tricks.sliding_window_view(source.pyramid[int(g > 7)][0].numpy(), (224, 224))
        turned = [np.rot90(way, k) for way in (crop, crop[::-1]) for k in range(4)]
        assert any((places[:, :, 0, :4] == way[0, :4]).all(2).any() and in_image(places, way) for way in turned)


def test_crops_of_fine_grains_are_also_cut_from_the_picture_as_a_scan_enlarges_it(monkeypatch):
    monkeypatch.setattr(augment, "EXACT_SHARE", 1.0)
    source = example(np.random.default_rng(0).integers(0, 256, (240, 250)), g=11.0)
    settings = TrainSettings(rescale_g=2.0, contrast=0.0)
    batch = cut_batch([source] * 16, settings, (0.0, 13.0), np.random.default_rng(0))
    assert set(batch.g_seen.tolist()) == {9.0, 11.0, 13.0}
    pixels = Image.fromarray(source.pyramid[0][0].numpy())
    larger = np.asarray(pixels.resize((500, 480), Image.Resampling.BILINEAR)).astype(np.float32)
    places = np.lib.stride_tricks.sliding_window_view(larger, (224, 224))[::2, ::2]
    for crop in batch.crops[batch.g_seen == 9.0, 0].numpy():
        turned = [np.rot90(way, k) for way in (crop, crop[::-1]) for k in range(4)]
        assert any(shows(places, way) for way in turned)


def shows(places, crop):
    """Return whether a crop is one of these places, but for the rounding of two passes."""
    corner = np.abs(places[:, :, :8, :8] - crop[:8, :8]).max(axis=(2, 3)) <= 1.5
    return any(np.abs(places[row, col] - crop).max() <= 1.5 for row, col in np.argwhere(corner))


def test_most_crops_show_grains_of_the_sizes_that_a_scan_decides_on():
    source = example(np.zeros((720, 720)), g=11.5)
    drawn = {
        limit: cut_batch([source] * 150, TrainSettings(rescale_g=limit), (0, 13.5), np.random.default_rng(0)).g_seen
        for limit in (1.0, 2.0)
    }
    assert float((drawn[2.0] <= 10.0).float().mean()) == pytest.approx(0.6 + 0.4 / 8, abs=0.1)
    assert float(drawn[1.0].mean()) == pytest.approx(11.5, abs=0.1)


def in_image(places, crop):
    rows, cols = np.nonzero((places[:, :, 0, :4] == crop[0, :4]).all(2))
    return any(np.array_equal(places[row, col], crop) for row, col in zip(rows, cols, strict=True))


def test_dense_targets_lie_where_the_crop_lies_and_move_with_its_size():
    bands = np.indices((720, 720))[0] // 24
    source = example(bands, codes=np.full((720, 720), 150))
    settings = TrainSettings(rescale_g=2.0, contrast=0.0)
    batch = cut_batch([source] * 8, settings, (0.0, 16.0), np.random.default_rng(0))
    assert batch.dense.local.shape == (8, 2, 7, 7)
    # one boundary row in 24 at full size; a crop enlarged z times has one in 24 z, and pixels of a slanting
    # line are fewer or more than its length
    zoom = 2 ** (-(batch.g_seen - 6.0) / 2)
    straight, slanting = (torch.log1p(length * 32 / 24 / zoom) for length in (0.7, 2.0**0.5))
    found = batch.dense.local[:, 0].mean((1, 2))
    assert ((found > straight - 0.1) & (found < slanting + 0.1)).all()
    # of which each is taught three px wide, whatever the size
    wide = batch.dense.boundaries[:, 0].mean((1, 2))
    assert ((wide > 2.1 / 24 / zoom) & (wide < 5.3 / 24 / zoom)).all()


def test_the_label_of_a_crop_is_that_of_the_grains_that_lie_in_it():
    codes = np.full((720, 720), 120)
    codes[:, 360:] = 144  # 24 steps of 1/12 G finer
    grey = np.where(codes > 130, 200, 50)  # the crops' own grey says where they lie
    settings = TrainSettings(rescale_g=2.0, contrast=0.0)
    source = example(grey, g=6.0, codes=codes)
    batch = cut_batch([source] * 40, settings, (0.0, 16.0), np.random.default_rng(0))
    plain = cut_batch([example(grey, g=6.0)] * 40, settings, (0.0, 16.0), np.random.default_rng(0))
    fine = (batch.crops.mean(dim=(1, 2, 3)) - 50) / 150
    whole = np.log2((1 + 4) / 2)  # of the mean density, in units of the coarse half's
    assert torch.allclose(batch.g_seen - plain.g_seen, torch.log2(1 + 3 * fine) - whole, atol=0.06)
    assert fine.min() < 0.05
    assert fine.max() > 0.95
    corners = validation_batch([source], TrainSettings(), 224)
    assert torch.allclose(corners.g_seen, torch.tensor([-whole, 2 - whole] * 2).float() + 6.0, atol=0.01)


def test_validation_crops_are_the_untouched_corners():
    pixels = np.arange(300 * 260).reshape(300, 260) % 251
    batch = validation_batch([example(pixels, g=5.0)], TrainSettings(), 224)
    assert torch.equal(batch.crops[3, 0], torch.from_numpy(pixels[-224:, -224:].astype(np.float32)))
    assert batch.g_seen.tolist() == [5.0] * 4
