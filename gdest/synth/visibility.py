"""Give a drawn picture the label that a person would: grains between which nothing is to be seen are counted as one."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gdest.core import NEIGHBOURS, beyond_both, boundary_mask, signs_above
from gdest.synth.label_maps import mean_diameter_px
from gdest.synth.tessellation import Floats, Labels

LINE_CONTRAST, LINE_ABOVE_NOISE = 0.05, 0.6
"""What a line must differ by from the ground on its two sides: as a share of the picture's greys, and in standard
deviations of the ground; a line is looked at along its whole length, so that less than one of them is seen."""

STEP, FAINT_STEP = (0.04, 0.25), (0.02, 0.15)
"""The same for two grains of unlike grey, each of which is looked at over an area, and all along their boundary: among
lines, and in a picture without any, where a person looks for fainter steps."""

FEWEST_GREYS = 0.2
"""A picture of less contrast is looked at as if it had so much."""

LEAST_LINE, LEAST_STEP = 0.25, 0.15
"""The share of a boundary's length along which a line, or a step, is seen, or the boundary is none. Places where a
line is brighter and where it is darker count against each other, and so do those where the one and where the other
grain is: noise would part grains else."""

INSIDE, INSIDE_PX = 0.08, (1.5, 12.0)
"""The ground is seen so far from boundaries: in mean diameters, and in px at least and at most."""

SD_OF_MEDIAN = 1.48
"""The standard deviation of a normal number over the median of its size."""


def visible_grains(image: Floats, labels: Labels, *, without_lines: bool = False) -> Labels:
    """Return the label map (rows, cols) in which grains are one where no boundary between them is seen in `image`.

    A boundary is seen where it is darker or brighter than the ground beside it, or where its two grains differ, by
    little in an etch `without_lines`.
    `image` is the picture as photographed, 0..1, of the same size, before a treatment whose dots would pass for noise;
    labels are numbered 0..n-1 without gaps.
    """
    edge = boundary_mask(labels)
    diameter, count = mean_diameter_px(labels), int(labels.max()) + 1
    inside = ndimage.distance_transform_edt(~edge) > np.clip(INSIDE * diameter, *INSIDE_PX)
    if not edge.any() or not inside.any():
        return labels
    row, col = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    fine = ndimage.gaussian_filter(image, min(0.8, 0.05 * diameter))
    ground = ndimage.gaussian_filter(image, INSIDE * diameter)[row, col]
    black, white = np.percentile(image[::2, ::2], [1.0, 99.0])
    noise = SD_OF_MEDIAN * float(np.median(np.abs(image - ground)[inside]))
    greys = max(float(white - black), FEWEST_GREYS)
    least_line = max(LINE_CONTRAST * greys, LINE_ABOVE_NOISE * noise)
    contrast, above_noise = FAINT_STEP if without_lines else STEP
    least_step = max(contrast * greys, above_noise * noise)
    pairs, lines, steps = [], [], []
    for here, there in NEIGHBOURS:
        at = labels[here] != labels[there]
        a, b = labels[here][at].astype(np.int64), labels[there][at].astype(np.int64)
        pairs.append(np.minimum(a, b) * count + np.maximum(a, b))
        before, after = ground[here][at], ground[there][at]
        lines.append(signs_above(beyond_both(((fine[here] + fine[there]) / 2.0)[at], before, after), least_line))
        steps.append(np.where(lines[-1] == 0, signs_above(after - before, least_step) * np.sign(b - a), 0.0))
    keys, number = np.unique(np.concatenate(pairs), return_inverse=True)
    line, step = (np.abs(np.bincount(number, np.concatenate(signs))) for signs in (lines, steps))
    gone = keys[line / LEAST_LINE + step / LEAST_STEP < np.bincount(number)]
    one = coo_matrix((np.ones(len(gone)), (gone // count, gone % count)), shape=(count, count))
    return np.asarray(connected_components(one, directed=False)[1], np.int32)[labels]
