"""`gdest init` looks at an archive and writes a gdest.toml that a scan accepts as it is."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
import tifffile
from helpers.command_line import gdest
from helpers.scan_fixtures import put
from PIL import Image

from gdest.core.errors import NothingGradedError, OutputError, SettingsError
from gdest.core.records import ImageFile
from gdest.reading.headers import magnifications_told
from gdest.scan.first_config import first_config, require_new
from gdest.scan.specimen_ideas import specimen_ideas
from gdest.scan.survey import spread, survey

PIXELS = np.zeros((224, 224), np.uint8)


@pytest.fixture
def several(tmp_path):
    """An archive of two ovens and two magnifications, one of which the tags state; and a file that is broken."""
    root = tmp_path / "archive"
    for oven in ("oven-1", "oven-2"):
        for specimen in ("P1", "P2"):
            for field in range(3):
                put(root, f"{oven}/{specimen}_200x_{field}.tif", field, um_per_px=0.37)
                (root / oven / f"{specimen}_500x_{field}.tif").write_bytes(b"")
                tifffile.imwrite(root / oven / f"{specimen}_500x_{field}.tif", PIXELS)
    (root / "oven-2" / "broken.tif").write_bytes(b"")
    return root


def uncommented(text, *headings):
    """Return a text in which the sections of these headings have lost their `#`."""
    lines, taken = [], False
    for line in text.splitlines():
        if line.startswith("# ["):
            taken = line.removeprefix("# ") in headings
        elif line in ("#", ""):
            taken = False
        lines.append(line.removeprefix("# ") if taken and ("=" in line or line.startswith("# [")) else line)
    return "\n".join(lines)


def test_the_file_is_accepted_as_it_is_and_groups_the_specimens(several, tmp_path):
    assert gdest("init", several, "--out", tmp_path / "gdest.toml").returncode == 0
    words = ("scan", several, "-o", tmp_path / "out", "--config", tmp_path / "gdest.toml", "--dry-run")
    finished = gdest(*words)
    assert finished.returncode == 0, finished.stderr
    rows = [line.split("\t") for line in finished.stdout.splitlines()[1:]]
    assert {row[5] for row in rows} == {"oven-1/P1", "oven-1/P2", "oven-2/P1", "oven-2/P2", ""}
    assert [row[0] for row in rows if not row[5]] == ["oven-2/broken.tif"]
    assert {row[4] for row in rows if "_500x_" in row[0]} == {"uncalibrated"}  # nothing moves G unasked


def test_what_was_seen_stands_in_the_comments(several, tmp_path):
    text = first_config(survey([several]), [several], tmp_path / "gdest.toml")
    for line in (
        "# 25 image files (25 .tif) in 2 folders; all were opened.",
        "#   oven-2/: 13",
        "# cannot be read: oven-2/broken.tif: the file is empty (0 bytes)",
        "#   12 tiff-resolution: 0.37 um/px",
        "#   12 none",
        "# 12 files, such as oven-1/P1_200x_0.tif.",
        "# Of 12 opened: 12 say 0.37 (tiff-resolution).",
        "# 12 files, such as oven-1/P1_500x_0.tif.",
    ):
        assert line in text.splitlines()


def test_with_its_comments_taken_off_it_is_a_gdest_toml_with_the_size_that_the_files_say(several, tmp_path):
    text = first_config(survey([several]), [several], tmp_path / "gdest.toml")
    assert set(tomllib.loads(text)) == {"specimen"}
    whole = tomllib.loads(uncommented(text, "[[objective]]", "[[limit]]", "[certificate]"))
    assert [(one["name"], one["um_per_px"]) for one in whole["objective"]] == [("200x", 0.37), ("500x", 0.0)]
    assert [one["rule"] for one in whole["limit"]] == ["g >= 5.0", "homogeneity"]
    (tmp_path / "gdest.toml").write_text(uncommented(text, "[[objective]]"))
    finished = gdest("scan", several, "-o", tmp_path / "o", "--config", tmp_path / "gdest.toml", "--dry-run")
    assert finished.returncode == 2
    assert "[[objective]] 2: um_per_px must be a positive number" in finished.stderr


def test_files_that_say_nothing_are_named_by_their_folder(tmp_path):
    for name in ('a "b"/1.png', 'a "b"/2.png', "c/SUS304_500_1.png"):
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS).save(tmp_path / "x" / name)
    text = first_config(survey([tmp_path / "x"]), [tmp_path / "x"], tmp_path / "t")
    found = tomllib.loads(uncommented(text, "[[pixel_size]]"))["pixel_size"]
    assert [one["glob"] for one in found] == ['a "b"/*', "c/*"]
    assert "# 500: 1 file, such as c/SUS304_500_1.png" in text


def test_folders_for_which_no_rule_is_suggested_are_named(tmp_path):
    for folder, count in (("a", 1), ("b", 1), ("c", 2), ("d", 2), ("e", 2), ("f", 2)):
        for number in range(count):
            (tmp_path / "x" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(PIXELS).save(tmp_path / "x" / folder / f"{number}.png")
    text = first_config(survey([tmp_path / "x"]), [tmp_path / "x"], tmp_path / "t")
    rest = text.partition("# No rule is suggested here for 2 more folders of such files; write one for each:\n")[2]
    assert rest.splitlines()[:2] == ["#   a/: 1", "#   b/: 1"]
    assert [one["glob"] for one in tomllib.loads(uncommented(text, "[[pixel_size]]"))["pixel_size"]] == [
        "c/*", "d/*", "e/*", "f/*",
    ]  # fmt: skip


def test_a_rule_for_a_file_that_says_nothing_fits_no_file_whose_name_or_content_tells(tmp_path):
    root = tmp_path / "archive"
    for name in ("a/P1_200x.png", "a/P[2].png", "b/c/P4.png", "P5.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS).save(root / name)
    put(root, "b/c/P6.tif", 3, um_per_px=0.37)
    for number in range(5):
        (root / "d").mkdir(exist_ok=True)
        Image.fromarray(PIXELS).save(root / f"d/{number}.png")
    text = first_config(survey([root]), [root], tmp_path / "t")
    text = uncommented(text, "[[pixel_size]]", "[[objective]]").replace("um_per_px = 0.0 ", "um_per_px = 0.37 ")
    (tmp_path / "t").write_text(text, encoding="utf-8")
    finished = gdest("scan", root, "-o", tmp_path / "out", "--config", tmp_path / "t", "--dry-run")
    assert finished.returncode == 0, finished.stderr
    source = {line.split("\t")[0]: line.split("\t")[4] for line in finished.stdout.splitlines()[1:]}
    assert (source["a/P1_200x.png"], source["b/c/P6.tif"]) == ("objective", "tiff-resolution")
    assert set(source.values()) == {"objective", "tiff-resolution", "gdest.toml"}
    assert 'glob = "d/*"' in text


def test_a_name_cannot_add_a_line(tmp_path):
    folder = "x\n[specimen]\nfolder = 'top'\n"
    (tmp_path / "a" / folder).mkdir(parents=True)
    Image.fromarray(PIXELS).save(tmp_path / "a" / folder / "1_200x.png")
    text = first_config(survey([tmp_path / "a"]), [tmp_path / "a"], tmp_path / "t")
    assert tomllib.loads(text) == {}


@pytest.mark.parametrize(
    ("names", "line", "specimens"),
    [
        (["H1_P1_a.tif", "H1_P1_b.tif", "H2_P1_a.tif", "H2_P1_b.tif"], "(?P<heat>H[0-9]+)", 2),
        (["a/P1_200x_1.tif", "a/P1_200x_2.tif", "a/P2_500x_1.tif", "a/P2_500x_2.tif"], "+x?[0-9]+", 2),
        (["P1/200x/a.tif", "P1/500x/b.tif", "P2/200x/a.tif", "P2/500x/b.tif"], "^(?P<specimen>.+)/", 2),
        (["P1/a.tif", "P1/b.tif", "P2/a.tif", "P2/b.tif"], 'folder = "parent"', 2),
        (["p1/x/a.tif", "p1/y/b.tif", "p2/x/a.tif", "p2/y/b.tif"], 'folder = "top"', 2),
        (["one (1).tif", "one (2).tif", "two_1.tif", "two_2.tif"], r"\(?[0-9]+\)?", 2),
    ],
)
def test_specimens_are_told_by_folder_or_by_name(names, line, specimens):
    best = specimen_ideas(names)[0]
    assert line in best.line
    assert (best.specimens, best.covered, best.share) == (specimens, 4, 1.0)


@pytest.mark.parametrize("names", [["a.tif", "b.tif"], ["x/a.tif", "x/b.tif"], ["1/a.tif", "2/b.tif"]])
def test_names_that_tell_no_specimen_give_no_rule(names):
    assert specimen_ideas(names) == []


def test_a_large_archive_is_sampled_evenly():
    files = [ImageFile(None, str(number)) for number in range(1000)]
    taken = [int(file.name) for file in spread(files, 10)]
    assert taken == list(range(0, 1000, 100))
    assert spread(files[:10], 10) == files[:10]


def test_how_many_were_opened_is_said(several, tmp_path):
    seen = survey([several], most_opened=5)
    assert (len(seen.names), seen.opened, sum(seen.sources.values()) + len(seen.problems)) == (25, 5, 5)
    assert "an even sample of 5 was opened." in first_config(seen, [several], tmp_path / "t")


def test_nothing_is_written_over_and_nothing_into_the_archive(several, tmp_path):
    out = tmp_path / "gdest.toml"
    out.write_text("mine")
    assert gdest("init", several, "--out", out).returncode == 2
    assert out.read_text() == "mine"
    assert gdest("init", several, "--out", out, "--force").returncode == 0
    assert out.read_text().startswith("# Rules of ")
    with pytest.raises(SettingsError, match="never writes into the archive"):
        require_new([several], several / "gdest.toml", force=True)
    (tmp_path / "link").symlink_to(tmp_path / "mine.txt")
    with pytest.raises(SettingsError, match="is there already"):
        require_new([several], tmp_path / "link", force=True)
    with pytest.raises(OutputError):
        require_new([several], out / "gdest.toml", force=False)


def test_an_archive_without_images_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingGradedError, match="No image found"):
        survey([tmp_path / "empty"])


def test_magnifications_in_the_texts_of_tags_are_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, description="Objective 50x, Magnification: 500, 1280x960")
    assert magnifications_told(tmp_path / "a.tif") == (50.0, 500.0)
    exif = Image.Exif()
    exif[40092] = "at 200x".encode("utf-16-le")  # Windows' comment
    Image.fromarray(PIXELS).save(tmp_path / "b.jpg", exif=exif)
    assert magnifications_told(tmp_path / "b.jpg") == (200.0,)
    (tmp_path / "c.tif").write_bytes(b"II*\0")
    assert magnifications_told(tmp_path / "c.tif") == magnifications_told(tmp_path / "none.tif") == ()
