"""Walk the folders of an archive: linked ones once, and none that a file server or a recycle bin keeps for itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

OF_THE_SYSTEM = frozenset(
    {"@eadir", "#recycle", "@recycle", "#snapshot", "@recently-snapshot", "~snapshot", ".snapshot", "$recycle.bin"}
    | {"recycler", "system volume information", "__macosx", "lost+found", "network trash folder", "found.000"}
)
"""Names, in lower case, of folders with thumbnails, deleted files or earlier states of the archive's own files."""


def walk(
    root: Path, cannot_list: Callable[[OSError], object], passed_over: list[Path]
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield (folder, folders, names) like `os.walk`, of which the caller may shorten `folders`.

    Folders of the system are added to `passed_over`. A linked folder is walked after all others, under the name of its
    link, unless what it leads to has been walked, or holds the root: so a file is found once, and a loop ends.
    """
    walked = {_identity(folder) for folder in (root, *root.resolve().parents)}
    waiting = [root]
    while waiting:
        links: list[Path] = []
        for start in waiting:
            for folder, folders, names in os.walk(start, onerror=cannot_list):
                passed_over += [Path(folder, name) for name in folders if name.lower() in OF_THE_SYSTEM]
                folders[:] = sorted(name for name in folders if name.lower() not in OF_THE_SYSTEM)
                if start is not root:
                    folders[:] = [name for name in folders if _identity(Path(folder, name)) not in walked]
                yield folder, folders, names
                paths = [Path(folder, name) for name in folders]
                links += [path for path in paths if path.is_symlink()]
                walked |= {_identity(path) for path in paths if not path.is_symlink()}
        waiting = []
        for link in links:
            identity = _identity(link)
            if identity not in walked:
                walked.add(identity)
                waiting.append(link)


def _identity(folder: Path) -> tuple[int, int] | str:
    try:
        found = folder.stat()
    except OSError:
        return str(folder)
    return (found.st_dev, found.st_ino) if found.st_ino else str(folder.resolve())
