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
    METAMORPH_TAG = "metamorph-tag"
    GATAN_TAG = "gatan-tag"
    TIFF_RESOLUTION = "tiff-resolution"
    CZI = "czi"
    LIF = "lif"
    ND2 = "nd2"
    OIB = "oib"
    VSI = "vsi"
    FILE_NAME = "file-name"
    SCALE_BAR = "scale-bar"


DUPLEX = "duplex"
"""How a homogeneity begins that says that grains of several sizes lie side by side."""

NO_MEMORY = "too large for the memory of this machine"
NO_METAL = "no metal"
"""How the reason of a picture begins that shows nothing to grade."""

PIXEL_SIZES_DISAGREE = "pixel sizes disagree"
"""How a doubt begins where two sources state different pixel sizes of one picture."""

Task = Literal["regression", "classification"]
Backbone = Literal["resnet18", "alexnet", "vgg16"]

Head = Literal["fc", "ext"]
"""fc: one layer; ext: two more before it."""
HEADS: tuple[Head, ...] = get_args(Head)

CsvStyle = Literal["plain", "european"]
CSV_STYLES: tuple[CsvStyle, ...] = get_args(CsvStyle)

NetworkInput = Literal["crop", "image"]
"""What a network was trained to be shown: crops of one size, or whole images."""
INPUTS: tuple[NetworkInput, ...] = get_args(NetworkInput)


def is_duplex(homogeneity: str | None) -> bool:
    """Return whether a homogeneity, of a micrograph or a specimen, says that grains of several sizes are mixed."""
    return (homogeneity or "").startswith(DUPLEX)
