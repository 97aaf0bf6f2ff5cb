"""Files of Leica and Nikon, laid out by hand as the formats are documented, each of a few pictures.

No maker but Zeiss gives away a writer; what reads these files is the library that reads a microscope's.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np


def lif(pixels, um, *further, kinds=()):
    """Return the bytes of a Leica file of one or several grey pictures of 8 bits.

    `kinds` names the two axes of each picture, columns first: (1, 2) an XY field, (1, 3) an XZ section.
    """
    pictures = [pixels, *further]
    kinds = [*kinds, *[(1, 2)] * len(pictures)]

    def axes(picture, kind):
        height, width = picture.shape
        return "".join(
            f'<DimensionDescription DimID="{axis}" NumberOfElements="{count}" Origin="0"'
            f' Length="{(count - 1) * um * 1e-6}" Unit="m" BitInc="0" BytesInc="{step}"/>'
            for axis, count, step in zip(kind, (width, height), (1, width), strict=True)
        )

    channel = (
        '<ChannelDescription DataType="0" ChannelTag="0" Resolution="8" NameOfMeasuredQuantity="" Min="0" Max="255"'
        ' Unit="" LUTName="Gray" IsLUTInverted="0" BytesInc="0" BitInc="0"/>'
    )
    elements = "".join(
        f'<Element Name="steel{number}" Visibility="1" CopyOption="1" UniqueID="{number}"><Data>'
        f'<Image TextDescription=""><ImageDescription><Channels>{channel}</Channels><Dimensions>{axes(picture, kind)}'
        f'</Dimensions></ImageDescription></Image></Data><Memory Size="{picture.size}" '
        f'MemoryBlockID="MemBlock_{number}"/></Element>'
        for number, (picture, kind) in enumerate(zip(pictures, kinds, strict=False), start=1)
    )
    text = (
        '<LMSDataContainerHeader Version="2"><Element Name="p" Visibility="1" CopyOption="1" UniqueID="0"><Data/>'
        f'<Memory Size="0" MemoryBlockID="MemBlock_0"/><Children>{elements}</Children></Element>'
        "</LMSDataContainerHeader>"
    )

    def block(name, content):
        packed = name.encode("utf-16-le")
        head = b"*" + struct.pack("<Q", len(content)) + b"*" + struct.pack("<I", len(name)) + packed
        return struct.pack("<II", 0x70, len(head)) + head + content

    packed = text.encode("utf-16-le")
    header = b"*" + struct.pack("<I", len(text)) + packed
    memory = [block(f"MemBlock_{number}", p.tobytes()) for number, p in enumerate(pictures, start=1)]
    return struct.pack("<II", 0x70, len(header)) + header + block("MemBlock_0", b"") + b"".join(memory)


def _variant(name, value):
    """Return one named value of a Nikon metadata chunk: its type, its name and it."""
    label = (name + "\0").encode("utf-16-le")
    head = len(label) // 2
    if isinstance(value, dict):
        items = [_variant(key, inner) for key, inner in value.items()]
        content, begins = b"".join(items), 2 + len(label) + 12
        offsets = begins + np.cumsum([0, *map(len, items[:-1])], dtype=np.uint64)
        level = struct.pack("<IQ", len(items), begins + len(content))
        return struct.pack("BB", 11, head) + label + level + content + offsets.astype("<u8").tobytes()
    kind, packed = {
        bool: (1, struct.pack("?", value)),
        int: (3, struct.pack("<I", int(value)) if not isinstance(value, str) else b""),
        float: (6, struct.pack("<d", float(value)) if not isinstance(value, str) else b""),
        str: (8, (str(value) + "\0").encode("utf-16-le")),
    }[type(value)]
    return struct.pack("BB", kind, head) + label + packed


def nd2(pictures, um, calibrated=True, compressed=False):
    """Return the bytes of a Nikon file (version 3) of one or several positions; colour is stored blue first."""
    first = pictures[0]
    rows, cols, samples = first.shape[0], first.shape[1], first.shape[2] if first.ndim == 3 else 1
    attributes = {
        "uiWidth": cols, "uiWidthBytes": cols * samples * first.itemsize, "uiHeight": rows, "uiComp": samples,
        "uiBpcInMemory": 8 * first.itemsize, "uiBpcSignificant": 8 * first.itemsize,
        "uiSequenceCount": len(pictures), "eCompression": 0 if compressed else 2,
    }  # fmt: skip
    plane = {"uiCompCount": samples, "sDescription": "Brightfield", "pFluorescentProbe": {"m_sName": ""}}
    planes = {"uiCount": 1, "uiCompCount": samples, "sPlaneNew": {"a0": plane}}
    picture = {"bCalibrated": calibrated, "dCalibration": float(um), "sPicturePlanes": planes}
    points = {f"i{i:010}": {"dPosX": 100.0 * i, "dPosY": 0.0} for i in range(len(pictures))}
    loop = {"eType": 2, "uLoopPars": {"uiCount": len(pictures), "Points": points}}
    stored = [pixels[..., ::-1] if samples == 3 else pixels for pixels in pictures]
    chunks = {
        "ImageAttributesLV!": _variant("SLxImageAttributes", attributes),
        "ImageMetadataSeqLV|0!": _variant("SLxPictureMetadata", picture),
        **({"ImageMetadataLV!": _variant("SLxExperiment", loop)} if len(pictures) > 1 else {}),
        **{
            f"ImageDataSeq|{i}!": bytes(8) + (zlib.compress(pixels.tobytes()) if compressed else pixels.tobytes())
            for i, pixels in enumerate(stored)
        },
    }

    def chunk(name, content, name_bytes=32):
        return struct.pack("<IIQ", 0x0ABECEDA, name_bytes, len(content)) + name.ljust(name_bytes, b"\0") + content

    file = chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0".ljust(64, b"\0"))
    places = b""
    for name, content in chunks.items():
        places += name.encode() + struct.pack("<QQ", len(file), len(content))
        # a frame's pixels begin 4096 bytes after its chunk does
        file += chunk(name.encode(), content, 4072 if name.startswith("ImageDataSeq") else 32)
    ends = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(file))
    return file + chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", places + ends)
