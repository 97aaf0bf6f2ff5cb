"""Files of Olympus: OIF and OIB of one or several channels, VSI and its ETS; laid out by hand as in `vendor_files`."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import tifffile


def compound(streams):
    """Return the bytes of an OLE compound file (MS-CFB, version 3) whose storages and streams have paths with `/`."""
    sector, end, free = 512, 0xFFFFFFFE, 0xFFFFFFFF
    folders = sorted({path.split("/")[0] for path in streams if "/" in path})
    entries = ["", *folders, *sorted(streams)]
    body, table, starts = b"", [], {}
    for path in sorted(streams):
        # every stream is 4096 bytes at least, so that none lies in the small sectors
        content = streams[path].ljust(4096, b"\0")
        count = -(-len(content) // sector)
        starts[path] = len(table)
        table += [*range(len(table) + 1, len(table) + count), end]
        body += content.ljust(count * sector, b"\0")
    directory_at, directory_sectors = len(table), -(-128 * len(entries) // sector)
    table += [*range(directory_at + 1, directory_at + directory_sectors), end]

    def children(folder):
        return [i for i, path in enumerate(entries) if i and path.rpartition("/")[0] == folder]

    def entry(index):
        path = entries[index]
        storage = index == 0 or path in folders
        name = ("Root Entry" if index == 0 else path.rpartition("/")[2]).encode("utf-16-le") + b"\0\0"
        after = [other for other in children(path.rpartition("/")[0]) if other > index] if index else []
        inner = children(path) if storage else []
        links = (free, after[0] if after else free, inner[0] if inner else free)
        start, size = (end, 0) if storage else (starts[path], max(len(streams[path]), 4096))
        kind = 5 if index == 0 else 1 if storage else 2
        return name.ljust(64, b"\0") + struct.pack("<HBBIII36xIQ", len(name), kind, 1, *links, start, size)

    directory = b"".join(entry(i) for i in range(len(entries)))
    unused = struct.pack("<64xHBBIII36xIQ", 0, 0, 1, free, free, free, 0, 0)
    directory += unused * (-len(entries) % 4)
    tables = 1
    while (len(table) + tables) > tables * sector // 4:
        tables += 1
    fat_at = len(table)
    table += [0xFFFFFFFD] * tables
    table += [free] * (-len(table) % (sector // 4))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, tables, directory_at, 0, 4096, end, 0, end, 0)
    header += np.array([*range(fat_at, fat_at + tables), *[free] * (109 - tables)], "<u4").tobytes()
    return header + body + directory + np.array(table, "<u4").tobytes()


def oif_parts(planes, um, decimal=".", with_axis=True):
    """Return the settings of an Olympus OIF and its TIFFs, one per channel: file name to bytes."""
    rows, cols = planes[0].shape

    def number(value):
        return f"{value:.6f}".replace(".", decimal)

    sections = ["[ProfileSaveInfo]", 'Name="a.oif"', 'Version="1.0.0.0"']
    sizes = [("X", cols), ("Y", rows), ("C", len(planes)), *((code, 0) for code in "ZTAPL")]
    for index, (code, count) in enumerate(sizes):
        sections += [f"[Axis {index} Parameters Common]", f'AxisCode="{code}"', f"MaxSize={count}"]
        if with_axis and code in "XY":
            sections += ["StartPosition=0.0", f"EndPosition={number((count - 1) * um)}", 'UnitName="um"']
    sections += ["[Axis Parameter Common]", 'AxisOrder="XYC"', "[Reference Image Parameter]", "ValidBitCounts=12"]
    sections += [f"WidthConvertValue={number(um)}", 'WidthUnit="um"', f"HeightConvertValue={number(um)}"]
    settings = "\ufeff".encode("utf-16-le") + "\r\n".join(sections).encode("utf-16-le")
    tiffs = {}
    for index, pixels in enumerate(planes, start=1):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, pixels, metadata=None)
        tiffs[f"s_C{index:03}.tif"] = buffer.getvalue()
    return settings, tiffs


def oib(planes, um, **options):
    """Return the bytes of an Olympus OIB: the parts of an OIF in one compound file."""
    settings, tiffs = oif_parts(planes, um, **options)
    names = {f"Stream{i:05}": f"Storage00001/{name}" for i, name in enumerate(tiffs, start=1)}
    info = ["[OibSaveInfo]", "Name=a.oib", "Version=2.0.0.0", "MainFileName=Stream00000", "Stream00000=a.oif"]
    info += [f"{stream}={name}" for stream, name in names.items()] + ["Storage00001=a.oif.files"]
    text = "\ufeff".encode("utf-16-le") + "\r\n".join(info).encode("utf-16-le")
    # text streams are padded with blanks: what follows them in their sectors must stay text
    padded = {"OibInfo.txt": text, "Stream00000": settings}
    blanks = "\r\n".encode("utf-16-le") * 2048
    streams = {name: content + blanks[: max(0, 4096 - len(content))] for name, content in padded.items()}
    for (stream, path), content in zip(names.items(), tiffs.values(), strict=True):
        streams[f"{path.split('/')[0]}/{stream}"] = content
    return compound(streams)


def write_oif(path, planes, um, **options):
    """Write an OIF and the folder of its TIFFs beside it."""
    settings, tiffs = oif_parts(planes, um, **options)
    path.write_bytes(settings)
    folder = path.with_name(path.name + ".files")
    folder.mkdir()
    for name, content in tiffs.items():
        (folder / name).write_bytes(content)


VOLUME, PROPERTIES = 0x10000000, 0x10000001
"""The kinds of an Olympus field that holds further fields."""


def _volume(fields):
    """Return a block of fields (tag, kind, content[, number]) with its header; offsets count from where it begins."""
    block = struct.pack("<HHIqII", 24, 21321, 2, 24, len(fields), 0)
    for index, (tag, kind, content, *number) in enumerate(fields, start=1):
        extra = struct.pack("<i", number[0]) if number else b""
        size = 16 + len(extra) + len(content)
        following = len(block) + size if index < len(fields) else 0
        numbered = 0x8000000 if number else 0
        block += struct.pack("<iiII", kind | numbered, tag, following, len(content)) + extra + content
    return block


def write_vsi(path, pixels, um, tile_px=128, packed=False):
    """Write an Olympus VSI (metadata and a thumbnail) and, in the folder beside it, the ETS: raw tiles or JPEG 2000."""
    rows, cols = pixels.shape[:2]
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    external = [(20005, 12, struct.pack("<?", True)), (2053, 259, struct.pack("<4i", 0, 0, cols, rows))]
    frame = [(2018, PROPERTIES, _volume(external))]
    stack = [(2030, 8192, "40x\0".encode("utf-16-le")), (2019, 260, struct.pack("<2d", um, um)), (2074, 5, bytes(4))]
    stack += [(2020, 8192, "10^-6m^1\0".encode("utf-16-le"))]
    image = [(2002, VOLUME, _volume(frame)), (2005, PROPERTIES, _volume(stack))]
    images = [(2001, VOLUME, _volume(image), 1)]
    tree = _volume([(2000, VOLUME, _volume(images))])
    thumbnail = io.BytesIO()
    tifffile.imwrite(thumbnail, pixels[:64, :64], metadata=None, photometric="rgb" if samples == 3 else "minisblack")
    path.write_bytes(_with_tree(thumbnail.getvalue(), tree))
    folder = path.parent / f"_{path.stem}_" / "stack1"
    folder.mkdir(parents=True)
    (folder / "frame_t.ets").write_bytes(_ets(pixels, samples, tile_px, packed))


def _with_tree(tiff, tree):
    """Return a TIFF with the metadata tree right behind its header of eight bytes; offsets in it are moved."""
    moved = bytearray(tiff[8:])
    (directory,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, directory)
    bytes_of = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind, number, value = struct.unpack_from("<HHII", tiff, entry)
        if tag == 273 or bytes_of[kind] * number > 4:
            struct.pack_into("<I", moved, entry + 8 - 8, value + len(tree))
    return tiff[:4] + struct.pack("<I", directory + len(tree)) + tree + bytes(moved)


def _ets(pixels, samples, tile_px, packed):
    rows, cols = pixels.shape[:2]
    kind = {np.dtype(np.uint8): 2, np.dtype(np.uint16): 4}[pixels.dtype]
    ets = b"ETS\0" + struct.pack(
        "<9I", 196609, kind, samples, 3 if samples == 3 else 1, 3 * packed, 100, tile_px, tile_px, 1
    )
    # hints, background, order of the samples and no pyramid; then how many extents there are, and they
    ets += bytes(17 * 4 + 10 * 4) + struct.pack("<2I", 0, 0) + bytes(28) + struct.pack("<3I", 2, cols, rows)
    body, chunks, first = b"", b"", 64 + len(ets)
    for down in range(-(-rows // tile_px)):
        for across in range(-(-cols // tile_px)):
            tile = np.zeros((tile_px, tile_px, *pixels.shape[2:]), pixels.dtype)
            part = pixels[down * tile_px : (down + 1) * tile_px, across * tile_px : (across + 1) * tile_px]
            tile[: part.shape[0], : part.shape[1]] = part
            content = imagecodecs.jpeg2k_encode(tile, level=0) if packed else tile.tobytes()
            chunks += struct.pack("<IiiiqII", 0, across, down, 0, first + len(body), len(content), 0)
            body += content
    head = struct.pack(
        "<4s3IQIIQIIQII", b"SIS", 64, 2, 3, 64, len(ets), 0, first + len(body), len(chunks) // 32, 0, 0, 0, 0
    )
    return head + ets + body + chunks
