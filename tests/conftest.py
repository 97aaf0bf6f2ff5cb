from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers.process_settings import process_settings_kept

from gdest.core.records import ImageFile
from gdest.reading.micrograph import read_micrograph

pytest_plugins = ["helpers.scan_fixtures"]


@pytest.fixture(scope="session")
def bundled_model():
    """Return the weights that travel with gdest, loaded once; a test must not change the network."""
    from gdest.model import load_model, weights_path

    return load_model(weights_path(None))


@pytest.fixture(autouse=True)
def _process_settings():
    with process_settings_kept():
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def grey(rng):
    return rng.integers(0, 256, (300, 400), dtype=np.uint8)


@pytest.fixture
def write_tiff(tmp_path):
    """Write pixels as TIFF below tmp_path, with a pixel size unless it is None."""

    def write(name: str, pixels, um_per_px: float | None = 1.0, **options) -> ImageFile:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if um_per_px is not None:
            options |= {"resolution": (1e4 / um_per_px, 1e4 / um_per_px), "resolutionunit": "CENTIMETER"}
        tifffile.imwrite(path, pixels, **options)
        return ImageFile(path, name)

    return write


@pytest.fixture
def as_file():
    return lambda path: ImageFile(Path(path), Path(path).name)


@pytest.fixture
def pixels_of(tmp_path, as_file):
    """Return what gdest reads of the bytes of a file, whatever its name is."""

    def read(content):
        (tmp_path / "a").write_bytes(content)
        return read_micrograph(as_file(tmp_path / "a")).pixels

    return read


def pytest_sessionfinish(session, exitstatus):
    """Fail a run in which not one test passed, as when every one is skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and not session.config.option.collectonly and not reporter.stats.get("passed"):
        session.exitstatus = 1
