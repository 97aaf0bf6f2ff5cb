"""gdest explain, as a user types it, with the bundled weights."""

from __future__ import annotations

import shutil

import pytest
import tifffile
from helpers.command_line import EXAMPLES, gdest
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    """A picture that is too small, a file of two pages, and a good picture."""
    pixels = tifffile.imread(EXAMPLES / "steel-5.tif")
    Image.fromarray(pixels[:150, :150]).save(tmp_path / "small.png")
    with tifffile.TiffWriter(tmp_path / "pages.tif") as file:
        file.write(pixels[:224, :224])
        file.write(pixels[-240:, -230:])
    shutil.copy(EXAMPLES / "steel-5.tif", tmp_path / "good.tif")
    return tmp_path


def test_every_page_is_explained_and_a_bad_file_costs_no_other(folder):
    ended = gdest("explain", "small.png", "pages.tif", "good.tif", cwd=folder)
    assert ended.returncode == 3, ended.stderr
    assert "small.png: failed: too small: 150x150 px" in ended.stderr
    pictures = {path.name for path in folder.glob("*.explain.png")}
    assert pictures == {f"{name}.explain.png" for name in ("pages.tif", "pages.tif#2", "good.tif")}
    assert "pages.tif#2" in ended.stdout.splitlines()
    sizes = [Image.open(folder / f"{name}.explain.png").size for name in ("pages.tif", "pages.tif#2")]
    assert sizes[1] > sizes[0]  # each shows its own page


@pytest.mark.parametrize(("files", "code"), [(("good.tif",), 0), (("small.png",), 4)])
def test_the_exit_code_is_that_of_other_commands(folder, files, code):
    assert gdest("explain", *files, cwd=folder).returncode == code
