from __future__ import annotations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from gdest.reports.scale import run_scale, scale_around

BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What linear RGB becomes for the colour-blind: Machado, Oliveira and Fernandes, 2009, severity 1."""


def seen(scale, grades, blindness):
    """Return L*a*b* of the colours of G values (n, 3) as an eye sees them."""
    srgb = scale.colours(np.asarray(grades, np.float32)) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.asarray(BLINDNESS[blindness]).T, 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_finer_grains_are_lighter_for_every_eye(blindness):
    lightness = seen(run_scale(), np.arange(0, 14.5, 0.5), blindness)[:, 0]
    assert (np.diff(lightness) > 0.5).all()
    assert lightness[-1] - lightness[0] > 60


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_one_g_is_plain_to_see_on_the_scale_round_a_micrographs_own(blindness):
    found = seen(scale_around(7.0), np.arange(5.0, 9.5, 1.0), blindness)
    assert deltaE_ciede2000(found[:-1], found[1:]).min() > 10


def test_steps_of_one_g_look_alike_along_the_scale():
    found = seen(run_scale(), np.arange(0.0, 14.5, 1.0), "none")
    steps = deltaE_ciede2000(found[:-1], found[1:])
    assert steps.max() < 2.5 * steps.min()
