"""Name the picture of a micrograph, so that no two are in each other's way."""

from __future__ import annotations

from gdest.core import HASHED, fitting_name, hashed_name

SUFFIXES = (".png", ".jpg")


def picture_path(folder: str, file_name: str, suffix: str) -> str:
    """Return the path of a picture relative to the output folder, with the folders and the suffix of its micrograph.

    A name that is too long is shortened by a hash. A folder gets a hash where it could have the name of a picture, as
    `a.tif.png` has, beside which lies `a.tif`.
    """
    *folders, leaf = file_name.split("/")
    return "/".join((folder, *map(_of_folder, folders), fitting_name(leaf, suffix)))


def _of_folder(name: str) -> str:
    is_like_a_picture = name.lower().endswith(SUFFIXES) or HASHED.search(name)
    return hashed_name(name, "") if is_like_a_picture else name
