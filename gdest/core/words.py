"""The closed sets of words that rows, model cards and options hold.

Kept apart from what needs numpy, so that `gdest --help` answers quickly.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, get_args


class Status(StrEnum):
    """Name the outcome for a micrograph: a G to use, a G for a person to look at, no pixel size, or no G."""

    GRADED = "graded"
    REVIEW = "review"
    UNCALIBRATED = "uncalibrated"
    FAILED = "failed"


class PixelSizeSource(StrEnum):
    """Name where a pixel size is stated: by the user, in the archive's rules, in the file, in its name or picture."""

    COMMAND_LINE = "command-line"
    RULE = "gdest.toml"
    OBJECTIVE = "objective"
    OME_XML = "ome-xml"
    IMAGEJ = "imagej"
    ZEISS_TAG = "zeiss-tag"
    FEI_TAG = "fei-tag"
    OLYMPUS_TAG = "olympus-tag"
    LEICA_TAG = "leica-tag"
    NIKON_TAG = "nikon-tag"
    TIFF_RESOLUTION = "tiff-resolution"
    CZI = "czi"
    LIF = "lif"
    ND2 = "nd2"
    OIB = "oib"
    VSI = "vsi"
    FILE_NAME = "file-name"
    SCALE_BAR = "scale-bar"


Task = Literal["regression", "classification"]
Backbone = Literal["resnet18", "alexnet", "vgg16"]

Head = Literal["fc", "ext"]
"""fc: one layer; ext: two more before it."""
HEADS: tuple[Head, ...] = get_args(Head)

NetworkInput = Literal["crop", "image"]
"""What a network was trained to be shown: crops of one size, or whole images."""
INPUTS: tuple[NetworkInput, ...] = get_args(NetworkInput)
