"""Find the files of an archive, and write results so that no half-written file has a final name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gdest.core.errors import OutputError, SettingsError
from gdest.core.folders import walk
from gdest.core.own_output import LeftOut, count_images, own_folders
from gdest.core.records import ImageFile

UNFINISHED = ".gdest-unfinished-"
"""The start of the name of a file that is still being written."""

SUFFIXES = frozenset(
    {".tif", ".tiff", ".btf", ".tf8", ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".j2k", ".jpx", ".j2c"}
    | {".bmp", ".gif", ".webp", ".czi", ".lif", ".nd2", ".oib", ".oif", ".vsi"}
)


def image_files(
    roots: Sequence[Path],
    unreadable: list[str] | None = None,
    left_out: list[LeftOut] | None = None,
    passed_over: list[Path] | None = None,
) -> list[ImageFile]:
    """Return the image files below the roots, sorted by name; subfolders included.

    A name is the path relative to its root, with `/`; with several roots it begins with the root's name. A file of two
    roots, one of which lies in the other, is there once, by the root that was named first. Hidden files and folders
    (`.name`, `._name`) are left out, and so is what gdest wrote itself, which is added to `left_out`, and folders of a
    file server or recycle bin, which are added to `passed_over`. Linked folders are walked once. Folders that cannot
    be listed are added to `unreadable`; a root that is gone meanwhile then counts as empty, and the names of the
    others stay. Raises `SettingsError` for a root that does not exist otherwise, or two roots of one name.
    """
    for root in roots:
        if not root.exists() and unreadable is None:
            raise SettingsError(f"{root} does not exist.")
    prefixes = [f"{root.resolve().name}/" if len(roots) > 1 else "" for root in roots]
    if len(set(prefixes)) < len(roots) and len(roots) > 1:
        raise SettingsError("Two roots have the same name; scan them into two output folders.")
    found: list[ImageFile] = []
    places = set[str]()
    refused = [] if unreadable is None else unreadable
    own = [] if left_out is None else left_out
    kept = [] if passed_over is None else passed_over
    for root, prefix in zip(roots, prefixes, strict=True):
        whole = root.resolve()
        for folder, names in _walk(root, refused, own, kept) if root.exists() else ():
            inside = folder.relative_to(root).as_posix()
            below = "" if inside == "." else f"{inside}/"
            if len(roots) > 1:
                places_here = {name: os.path.join(whole, below, name) for name in names}
                names = [name for name in names if places_here[name] not in places]
                places.update(places_here.values())
            found += (ImageFile(os.path.join(folder, name), prefix + _readable(below + name)) for name in names)
    return sorted(found, key=lambda file: file.name)


def _readable(name: str) -> str:
    """Return a name that any report can hold; bytes that are not UTF-8 become their hexadecimal escape."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _walk(
    root: Path, unreadable: list[str], left_out: list[LeftOut], passed_over: list[Path]
) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder with the names of its image files."""
    for folder, folders, names in walk(root, lambda error: unreadable.append(str(error.filename)), passed_over):
        own = own_folders(Path(folder), folders, names)
        if own is None:
            left_out.append(LeftOut(Path(folder), count_images(Path(folder), SUFFIXES)))
            folders.clear()
            continue
        if own:
            images = sum(count_images(Path(folder, name), SUFFIXES) for name in own)
            left_out.append(LeftOut(Path(folder), images))
        planes = {name for name in names if name.lower().endswith(".oif")}
        # the TIFFs in `a.oif.files` are the planes of `a.oif`
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name not in own and name.removesuffix(".files") not in planes
        ]
        yield Path(folder), [name for name in names if _is_image(name)]


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith(".")


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then give it the final name.

    The content is on disk before the name is, so that a power cut leaves the old file or the new one. A killed
    process leaves the temporary file, which `remove_unfinished` deletes. Raises `OutputError` when the folder
    cannot be written or the disk is full.
    """
    with as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, suffix=path.suffix, dir=path.parent)
        os.close(handle)
    temporary = Path(name)
    try:
        with as_output_error(path):
            write(temporary)
            temporary.chmod(0o644)
            _to_disk(temporary)
            os.replace(temporary, path)
            _to_disk(path.parent)
    finally:
        with suppress(OSError):  # the error of the write is the one to tell
            temporary.unlink(missing_ok=True)


@contextmanager
def as_output_error(path: Path) -> Iterator[None]:
    """Turn an error of the system in the block into an `OutputError` that names what could not be written."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error


def _to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_unfinished(folder: Path) -> None:
    """Delete the files below an output folder that killed processes were writing; raise `OutputError`."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.startswith(UNFINISHED):
                with as_output_error(Path(parent, name)):
                    Path(parent, name).unlink(missing_ok=True)


def page_name(file_name: str, number: int) -> str:
    """Return the name of the nth micrograph in a file: the file's own for the first, then `name#2`, `name#3`..."""
    return file_name if number == 1 else f"{file_name}#{number}"


def split_page(name: str) -> tuple[str, str]:
    """Split a micrograph's name into the file's and what `page_name` added: `("a.tif", "#2")`, `("a.tif", "")`."""
    whole, mark, number = name.rpartition("#")
    return (whole, mark + number) if whole and number.isdecimal() else (name, "")
