"""The table of allowed imports in gdest/README.md, held against the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gdest"
ROW = re.compile(r"^\| (\w+) \| ([\w, ]*)\|$", re.MULTILINE)
HEAVY = ("torch", "torchvision", "openvino", "ray")
KNOW_TORCH = {"model", "training"}


def allowed_imports() -> dict[str, set[str]]:
    """Return the rooms that each room may import, as the table in gdest/README.md has them."""
    table = dict(ROW.findall((PACKAGE / "README.md").read_text(encoding="utf-8")))
    return {room: set(re.findall(r"\w+", words)) for room, words in table.items() if room != "may"}


def arrows(path: Path) -> list[tuple[str, str]]:
    """Return (module, name) of everything that a file imports; relative imports in full."""
    package = ["gdest", *path.relative_to(PACKAGE).parent.parts]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found += [(module, alias.name) for alias in node.names]
    return found


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def faults(path: Path, allowed: dict[str, set[str]]) -> list[str]:
    """Return what a file imports that the table does not allow."""
    here, found = room_of(path), []
    for module, name in arrows(path):
        first, *parts = module.split(".")
        if first in HEAVY and here not in KNOW_TORCH | {"cli", "scan"}:
            found.append(f"{here or 'gdest'} imports {module}")
        if first != "gdest" or not here:
            continue
        other = parts[0] if parts else name
        if other == here:
            continue
        if other not in allowed.get(here, ()):
            found.append(f"{here} imports {module} {name}")
        elif len(parts) > 1:
            found.append(f"{here} takes {name} from inside {module}; let the face of {other} name it")
    return found


FILES = sorted(path for path in PACKAGE.rglob("*.py*") if path.suffix in (".py", ".pyi"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_follow_the_table(path):
    assert faults(path, allowed_imports()) == []


def test_every_folder_of_the_package_is_a_room_of_the_table():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and list(path.glob("*.py"))}
    assert rooms == set(allowed_imports())


def test_only_the_version_and_the_start_lie_beside_the_rooms():
    assert {path.name for path in PACKAGE.glob("*.py*")} <= {"__init__.py", "__init__.pyi", "__main__.py", "py.typed"}


def test_no_room_may_import_itself_by_way_of_others():
    """An order exists in which each room imports only rooms before it, so no arrow points upward."""
    allowed, placed = allowed_imports(), set()
    while ready := {room for room, below in allowed.items() if room not in placed and below <= placed}:
        placed |= ready
    assert placed == set(allowed)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("core/grid.py", "from gdest.reports import write_gallery"),
        ("model/gradcam.py", "from gdest.synth import make_micrograph"),
        ("grading/zooms.py", "import torch"),
        ("grading/zooms.py", "from gdest.model import network"),
        ("reports/table.py", "from ..scan import run_scan"),
        ("scan/scan.py", "from gdest.reports.gallery import write_gallery"),
        ("reports/table.py", "from gdest import __version__"),
        ("core/files.py", "def late():\n    from gdest.cli import main"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path, monkeypatch, file, text):
    path = tmp_path / "gdest" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    allowed = allowed_imports()
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path / "gdest")
    assert len(faults(path, allowed)) == 1


def run(code: str, **options) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, **options)


def test_no_face_imports_torch():
    """In one process: each room's face in turn, and what it brought along."""
    faces = ["gdest", *(f"gdest.{room}" for room in sorted(allowed_imports()))]
    run(
        f"import importlib, sys\nfor face in {faces}:\n    importlib.import_module(face)\n"
        "    assert not {'torch', 'pandas', 'matplotlib', 'scipy', 'numpy'} & set(sys.modules), face"
    )


def test_a_face_names_only_what_is_there():
    faces = sorted(room for room in allowed_imports() if (PACKAGE / room / "__init__.pyi").exists())
    assert len(faces) > 5
    run("\n".join(f"from gdest.{room} import *" for room in faces))


def test_help_does_not_import_torch():
    """Nor anything else that it can do without: each of these costs a tenth of a second and more."""
    run(
        "import sys; sys.argv = ['gdest', '--help']\n"
        "from gdest.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'pandas', 'matplotlib', 'scipy', 'numpy', 'PIL'} & set(sys.modules), 'heavy import'"
    )


def test_a_scan_with_nothing_to_do_does_not_import_torch(tmp_path):
    run(
        "import sys\n"
        "from gdest.scan import merge_shards, scan_archive\n"
        "from gdest.model import read_model_file, weights_path\n"
        "read_model_file(weights_path(None))\n"
        "assert 'torch' not in sys.modules, 'heavy import'",
        cwd=tmp_path,
    )
