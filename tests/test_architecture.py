from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gdest"
LAYERS = {
    "errors": 0, "grain_size": 0, "records": 0,
    "settings": 1, "archive": 1, "micrograph": 1, "reading": 1, "tiling": 1, "sheet": 1, "statistics": 1, "heatmap": 1,
    "reports": 1, "synth": 1, "review": 1, "config": 1, "schemes": 1,
    "ledger": 1, "ledger_schema": 1, "changes": 1, "output_lock": 1, "stopping": 1, "patience": 1, "shards": 1,
    "calibration": 1, "selection": 1, "journal": 1, "watching": 1, "model_file": 1,
    "specimens": 1, "limits": 1, "homogeneity": 1, "patterns": 1, "intercepts": 1,
    "backbones": 2, "network": 2, "predict": 2, "openvino_engine": 2, "eight_bit": 2,
    "device_tiles": 2,
    "batching": 3, "zooms": 3, "pipeline": 3, "cluster": 3, "training": 3, "explain": 3,
    "console": 4, "commands": 4, "cli": 4, "__main__": 4,
}  # fmt: skip
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def room(module: str) -> str:
    return module.split(".")[1]


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "gdest":
                yield from (f"gdest.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_never_point_upward_and_only_the_upper_layers_know_torch(path):
    here = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for module in imports(path):
        if module.startswith("gdest.") and room(module) in LAYERS:
            assert LAYERS[room(module)] <= LAYERS[here], f"{here} imports {module}"
        if module.split(".")[0] in ("torch", "torchvision"):
            assert LAYERS[here] >= 2, f"{here} imports {module}"
    if here == "pipeline":
        assert not any(
            module.startswith(("torch", "gdest.model.network", "gdest.model.predictor")) for module in imports(path)
        )


def test_help_does_not_import_torch():
    code = (
        "import sys; sys.argv = ['gdest', '--help']\n"
        "from gdest.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_scan_with_nothing_to_do_does_not_import_torch(tmp_path):
    code = (
        "import sys\n"
        "from gdest.scan import run as scan, merge\n"
        "from gdest.model.weights_path import weights_path\n"
        "scan.read_model_file(weights_path(None))\n"
        "assert 'torch' not in sys.modules, 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)
