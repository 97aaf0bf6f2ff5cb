"""Draw what crosses a grain without bounding it: twins, slip lines, strokes."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from gdest.synth.frame import Frame
from gdest.synth.tessellation import Floats

STROKES_LIMIT = 20_000


def inside_grains(frame: Frame, twins: Floats | None, half_width: float) -> Floats:
    """Return the darkness 0..1 of all that lies inside grains; `twins` comes from `twin_lamellae`."""
    rng = frame.rng
    dark = np.zeros(frame.labels.shape, np.float32)
    if twins is not None:
        dark = np.maximum(dark, _twin_lines(frame, twins, half_width))
    if rng.random() < 0.45:
        dark = np.maximum(dark, _slip_lines(frame, half_width))
    # what lies inside a grain is seldom darker than the boundaries round it, but it happens
    dark *= np.float32(rng.uniform(0.5, 1.05))
    return np.maximum(dark, _strokes(frame, half_width)) if rng.random() < 0.5 else dark


def twin_lamellae(frame: Frame) -> Floats:
    """Return the signed distance in px to the nearest edge of a lamella, negative inside one.

    A lamella crosses its grain, ends in it, or is so wide that only one of its edges is seen.
    """
    rng, radius = frame.rng, frame.radius_px
    grains = len(radius)
    along, across = frame.grain_axes()
    twinned = rng.random(grains) < rng.uniform(0.1, 0.95)
    wide_share, end_share = rng.uniform(0.0, 0.6), rng.uniform(0.0, 0.5)
    nearest = np.full(frame.labels.shape, 1e4, np.float32)
    for lamella in range(int(rng.integers(1, 6))):
        present = twinned & (rng.random(grains) < (1.0 if lamella == 0 else 0.5))
        offset = radius * rng.uniform(-0.9, 0.9, grains)
        half = radius * np.exp(rng.uniform(np.log(0.02), np.log(0.6), grains))
        wide = rng.random(grains) < wide_share
        half = np.where(wide, 1.6 * radius, half)
        offset = np.where(wide, offset + np.sign(offset) * half, offset)
        ends = rng.random(grains) < end_share
        length = np.where(ends, radius * rng.uniform(0.2, 0.9, grains), 1e4)
        shift = radius * rng.uniform(-0.6, 0.6, grains) * ends
        edge = np.abs(across - frame.per_grain(offset)) - frame.per_grain(np.where(present, half, -1e4))
        cap = np.abs(along - frame.per_grain(shift)) - frame.per_grain(length)
        nearest = np.where(np.maximum(edge, cap) < nearest, np.maximum(edge, cap), nearest)
    return nearest


def _twin_lines(frame: Frame, twins: Floats, half_width: float) -> Floats:
    """Return the darkness of the straight twin boundaries, faint to as strong as a grain boundary."""
    rng = frame.rng
    width = max(0.35, half_width * rng.uniform(0.25, 1.0))
    profile = 1.0 / (1.0 + np.exp(np.clip((np.abs(twins) - width) / max(0.3, 0.3 * width), -20, 20)))
    typical, spread = rng.uniform(0.1, 1.1), rng.uniform(0.1, 0.5)
    strength = frame.per_grain(np.clip(rng.normal(typical, spread, len(frame.radius_px)), 0, 1))
    return np.asarray(profile * strength * _fragments(frame), np.float32)


def _slip_lines(frame: Frame, half_width: float) -> Floats:
    """Return the darkness of sets of parallel slip lines in some of the grains."""
    rng, grains = frame.rng, len(frame.radius_px)
    _, across = frame.grain_axes()
    period = np.maximum(frame.diameter_px * rng.uniform(0.05, 0.35) * np.exp(rng.normal(0, 0.4, grains)), 3.0)
    phase = across / frame.per_grain(period)
    away = np.abs(phase - np.round(phase)) * frame.per_grain(period)
    width = max(0.3, half_width * rng.uniform(0.1, 0.6))
    profile = 1.0 / (1.0 + np.exp(np.clip((away - width) / max(0.3, 0.4 * width), -20, 20)))
    marked = rng.random(grains) < rng.uniform(0.05, 0.9)
    strength = frame.per_grain(np.where(marked, rng.uniform(0.1, 0.9, grains), 0.0))
    return np.asarray(profile * strength * _fragments(frame), np.float32)


def _fragments(frame: Frame) -> Floats:
    """Return a mask 0..1 that breaks the lines inside grains into pieces, or leaves them whole."""
    rng = frame.rng
    if rng.random() < 0.4:
        return np.ones(frame.labels.shape, np.float32)
    pieces = frame.noise(max(2.0, frame.diameter_px * np.exp(rng.uniform(np.log(0.03), np.log(0.5)))))
    return np.clip((pieces + rng.uniform(-0.5, 1.2)) * 2.0, 0.0, 1.0)


def _strokes(frame: Frame, half_width: float) -> Floats:
    """Return the darkness of short strokes that lead nowhere: bent, hooked, as wide as a boundary."""
    rng, (rows, cols) = frame.rng, frame.labels.shape
    canvas = Image.new("L", (cols, rows), 0)
    draw = ImageDraw.Draw(canvas)
    diameter = frame.diameter_px
    per_grain = np.exp(rng.uniform(np.log(0.05), np.log(2.0)))
    longest = diameter * rng.uniform(0.15, 0.6)
    for _ in range(int(min(per_grain * len(frame.radius_px), STROKES_LIMIT))):
        point, angle = rng.uniform((0, 0), (cols, rows)), rng.uniform(0, 2 * np.pi)
        step = longest * rng.uniform(0.1, 0.4)
        path = [tuple(point)]
        for _ in range(int(rng.integers(1, 4))):
            point = point + step * np.array([np.cos(angle), np.sin(angle)])
            path.append(tuple(point))
            angle += rng.normal(0, 0.4) if rng.random() < 0.7 else rng.choice([-1, 1]) * np.pi / 2
        width = max(1, round(2 * half_width * rng.uniform(0.4, 1.1)))
        draw.line(path, fill=int(rng.uniform(60, 255)), width=width, joint="curve")
    soft = ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255.0, max(0.4, 0.2 * half_width))
    return np.asarray(soft * rng.uniform(0.4, 1.0), np.float32)
