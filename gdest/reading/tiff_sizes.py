"""Find what a TIFF says of its pixel size, in any of the dialects that microscopes write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import inf, nan
from typing import Any
from xml.etree import ElementTree

import tifffile

from gdest.core import PixelSize, PixelSizeSource
from gdest.reading.print_resolution import UM_PER_INCH, is_print_resolution, says_nothing

UM_PER = {
    "m": 1e6, "meter": 1e6, "metre": 1e6, "mm": 1e3, "cm": 1e4, "centimeter": 1e4, "inch": 25_400.0, "in": 25_400.0,
    "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "\\u00b5m": 1.0, "nm": 1e-3,
    "å": 1e-4, "pm": 1e-6,
}  # fmt: skip
BARE_UNITS = ("inch", "in", "cm", "centimeter")
UM_PER_RESOLUTION_UNIT = {2: UM_PER_INCH, 3: 10_000.0}
"""um per TIFF resolution unit: 2 is inch, 3 is centimetre; 1, no unit, says nothing."""

NIKON_XML_TAGS = (65330, 65331, 65332, 65333)
"""Tags in which NIS-Elements writes XML; `dCalibration` in it is the pixel size in um."""

SQUARE_WITHIN = 0.01
"""Width and height of a pixel may differ by so much of the width."""

SEM_SCAN_PX = 1024
"""A Zeiss SEM states `AP_PIXEL_SIZE` for a picture of this width, however wide the stored one is."""


def tiff_sizes(tiff: tifffile.TiffFile, page: Any) -> tuple[PixelSize, ...]:
    """Return what the file says of the pixel size of a page, strongest source first; some may not count.

    OME, ImageJ, LSM, FluoView, MetaMorph and SCN describe a whole file in its first page; other tags count for the
    page that they stand on.
    """
    own = _with_own_tags(page)
    readers: dict[PixelSizeSource, Callable[[], Iterator[float]]] = {
        PixelSizeSource.OME_XML: lambda: _ome(tiff, page),
        PixelSizeSource.IMAGEJ: lambda: _imagej(tiff, own),
        PixelSizeSource.ZEISS_TAG: lambda: _zeiss(tiff, own),
        PixelSizeSource.FEI_TAG: lambda: _fei(own),
        PixelSizeSource.OLYMPUS_TAG: lambda: _olympus(tiff, own),
        PixelSizeSource.LEICA_TAG: lambda: _leica(tiff, own),
        PixelSizeSource.NIKON_TAG: lambda: _nikon(own),
        PixelSizeSource.METAMORPH_TAG: lambda: _metamorph(tiff, own),
        PixelSizeSource.GATAN_TAG: lambda: _gatan(own),
        PixelSizeSource.TIFF_RESOLUTION: lambda: _resolution(tiff, own),
    }
    found = (_size(source, read) for source, read in readers.items())
    return tuple(size for size in found if size is not None)


def _with_own_tags(page: Any) -> Any:
    """Return the page with the tags that stand in it; of a plane that has none, the page that it is like."""
    if isinstance(page, tifffile.TiffPage):
        return page
    return page.keyframe if page.is_virtual else page.aspage()


def _size(source: PixelSizeSource, read: Callable[[], Iterator[float]]) -> PixelSize | None:
    """Return the first size of a dialect, None where it says nothing; one that does not count says why."""
    try:
        sizes = [float(value) for value in read()]
    except Exception:  # a foreign tag may hold anything
        return PixelSize(nan, source, "it cannot be read")
    if not sizes or 0 in sizes:  # programs write 0 for what they do not know
        return None
    if not all(0 < size < inf for size in sizes):
        return PixelSize(nan, source, "it is not a positive number")
    if max(sizes) - min(sizes) > SQUARE_WITHIN * sizes[0]:
        return PixelSize(sizes[0], source, f"its pixels are not square ({min(sizes):.4g} x {max(sizes):.4g} um)")
    if is_print_resolution(sizes[0]):
        dpi = UM_PER_INCH / sizes[0]
        return PixelSize(sizes[0], source, f"{dpi:.0f} dpi is the resolution of a screen, printer or scanner")
    return PixelSize(sizes[0], source)


def _record(page: Any, code: int) -> dict[str, Any]:
    """Return what a maker's tag of a page holds, nothing without the tag; raise `ValueError` for a damaged one."""
    value = page.tags.valueof(code)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"tag {code} is damaged")
    return value or {}


def _per_pixel(resolution: Any) -> float:
    """Return the unit length of a pixel by a resolution tag's pixels per unit; 0, which says nothing, for 0."""
    numerator, denominator = resolution.value
    return float(denominator / numerator) if numerator else 0.0


def _in_um(value: object, unit: object) -> Iterator[float]:
    factor = UM_PER.get(str(unit).strip().lower())
    if factor is not None and value not in (None, ""):
        yield float(str(value)) * factor


def _ome(tiff: tifffile.TiffFile, page: Any) -> Iterator[float]:
    """Yield PhysicalSizeX and Y of the image that holds the page; the unit is um unless stated."""
    first = tiff.pages.first
    if not first.is_ome:
        return
    images = [node for node in ElementTree.fromstring(first.description).iter() if node.tag.endswith("}Pixels")]
    if not images or (not tiff.is_ome and len({_stated(one) for one in images}) > 1):
        return  # which of its pictures is which is not known where it promises more of them than there are
    index = next((i for i, series in enumerate(tiff.series) if page in series.pages), 0)
    for axis in "XY":
        attributes = images[min(index, len(images) - 1)].attrib
        yield from _in_um(attributes.get(f"PhysicalSize{axis}"), attributes.get(f"PhysicalSize{axis}Unit", "um"))


def _stated(pixels: ElementTree.Element) -> tuple[str | None, ...]:
    return tuple(pixels.attrib.get(f"PhysicalSize{axis}{unit}") for axis in "XY" for unit in ("", "Unit"))


def _imagej(tiff: tifffile.TiffFile, page: Any) -> Iterator[float]:
    """Yield the width and height that ImageJ keeps: pixels per its own unit in the resolution tags.

    Inches and centimetres are what ImageJ found in the tags of another program, a bare resolution.
    """
    unit = (tiff.imagej_metadata or {}).get("unit")
    if unit is None:
        return
    bare = str(unit).strip().lower() in BARE_UNITS
    for name in ("XResolution", "YResolution"):
        if name in page.tags:
            for um_per_px in _in_um(_per_pixel(page.tags[name]), unit):
                if not (bare and um_per_px and says_nothing(um_per_px)):
                    yield um_per_px


def _zeiss(tiff: tifffile.TiffFile, page: Any) -> Iterator[float]:
    """Yield the size of an image pixel from a Zeiss SEM tag or an LSM structure."""
    record = _record(page, 34118)
    if "ap_image_pixel_size" in record:
        yield from _in_um(*record["ap_image_pixel_size"][1:3])
    elif "ap_width" in record:
        _, width, unit = record["ap_width"]
        yield from _in_um(width / page.imagewidth, unit)
    elif "ap_pixel_size" in record:
        _, size, unit = record["ap_pixel_size"]
        yield from _in_um(size * SEM_SCAN_PX / page.imagewidth, unit)
    for axis in "XY":
        if tiff.lsm_metadata and f"VoxelSize{axis}" in tiff.lsm_metadata:
            yield from _in_um(tiff.lsm_metadata[f"VoxelSize{axis}"], "m")


def _fei(page: Any) -> Iterator[float]:
    """Yield the pixel width and height, in m, of an FEI or Thermo tag."""
    record = {**_record(page, 34680), **_record(page, 34682)}
    scan: dict[str, Any] = next(
        (record[name] for name in ("Scan", "EScan") if "PixelWidth" in record.get(name, {})), {}
    )
    for name in ("PixelWidth", "PixelHeight"):
        yield from _in_um(scan.get(name), "m")


def _olympus(tiff: tifffile.TiffFile, page: Any) -> Iterator[float]:
    """Yield the pixel width and height, in m, of an Olympus SIS tag, or those of a FluoView header."""
    value = page.tags.valueof(33560)
    # other programs keep the tag, but not the structure that it points to
    record = value if isinstance(value, dict) else {}
    for axis in "xy":
        yield from _in_um(record.get(f"pixelsize{axis}"), "m")
    if not record and tiff.fluoview_metadata:
        for name, _, _, step, unit in (row[:5] for row in tiff.fluoview_metadata["Dimensions"]):
            if str(name).strip().lower() in ("x", "y"):
                yield from _in_um(step, unit)


def _metamorph(tiff: tifffile.TiffFile, page: Any) -> Iterator[float]:
    """Yield the width and height of a MetaMorph stack (STK), or of the XML that MetaXpress writes for each page."""
    stack = tiff.stk_metadata or {}
    if stack.get("SpatialCalibration"):
        for axis in "XY":
            yield from _in_um(stack.get(f"{axis}Calibration"), stack.get("CalibrationUnits"))
    if str(page.description).startswith("<MetaData>"):
        root = ElementTree.fromstring(page.description)
        record = {node.get("id"): node.get("value") for node in root.iter("prop")}
        if record.get("spatial-calibration-state") == "on":
            for axis in "xy":
                yield from _in_um(record.get(f"spatial-calibration-{axis}"), record.get("spatial-calibration-units"))


def _gatan(page: Any) -> Iterator[float]:
    """Yield the width and height that DigitalMicrograph writes, each with its unit."""
    for size, unit in ((65009, 65003), (65010, 65004)):
        yield from _in_um(page.tags.valueof(size), page.tags.valueof(unit))


def _leica(tiff: tifffile.TiffFile, page: Any) -> Iterator[float]:
    """Yield the sizes from Leica's XML: a length over the number of its pixels."""
    text = tiff.scn_metadata
    if text:  # lengths in nm
        for pixels in ElementTree.fromstring(text).iter():
            if not pixels.tag.endswith("}image"):
                continue
            view = next(node for node in pixels if node.tag.endswith("}view"))
            inner = next(node for node in pixels if node.tag.endswith("}pixels"))
            if int(inner.attrib["sizeX"]) == page.imagewidth:
                for axis in "XY":
                    yield from _in_um(int(view.attrib[f"size{axis}"]) / int(inner.attrib[f"size{axis}"]), "nm")
                return
    elif "<DimensionDescription" in (description := str(page.description)):
        yield from leica_dimensions(ElementTree.fromstring(description[description.index("<") :]))


def leica_dimensions(root: ElementTree.Element) -> Iterator[float]:
    """Yield the pixel width and height in um from Leica's dimension descriptions; from first to last pixel."""
    for node in root.iter("DimensionDescription"):
        if node.attrib.get("DimID") in ("1", "2", "X", "Y"):
            steps = max(int(node.attrib["NumberOfElements"]) - 1, 1)
            yield from _in_um(float(node.attrib["Length"]) / steps, node.attrib.get("Unit", "m"))


def _nikon(page: Any) -> Iterator[float]:
    for code in NIKON_XML_TAGS:
        tag = page.tags.get(code)
        value = b"" if tag is None else tag.value
        raw = value if isinstance(value, bytes) else str(value).encode()
        for text in (raw.decode("utf-8", "ignore"), raw.decode("utf-16", "ignore") if raw[:2] == b"\xff\xfe" else ""):
            calibration = re.search(r'<dCalibration\b[^>]*\bvalue="([0-9.eE+-]+)"', text)
            if calibration:
                yield float(calibration[1])
                return


def _resolution(tiff: tifffile.TiffFile, page: Any) -> Iterator[float]:
    """Yield the sizes of the resolution tags; none where they have no unit or cannot be a microscope's.

    ImageJ keeps its own unit in these tags, and SIS a screen's resolution; both have a function of their own.
    """
    tags = page.tags
    unit, both = tags.get("ResolutionUnit"), [tags.get(name) for name in ("XResolution", "YResolution")]
    if unit is None or None in both or int(unit.value) not in UM_PER_RESOLUTION_UNIT or tiff.imagej_metadata:
        return
    fractions = [tag.value for tag in both]
    if not all(numerator and denominator for numerator, denominator in fractions):
        return
    sizes = [UM_PER_RESOLUTION_UNIT[int(unit.value)] * below / above for above, below in fractions]
    if not any(map(says_nothing, sizes)):
        yield from sizes
