"""The page in a real Chromium, from the disk, as a user opens it."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager

import pytest
from helpers.table_rows import row
from PIL import Image

from gdest.reports.assign import Rules
from gdest.reports.every import write_reports
from gdest.reports.gallery import write_gallery
from gdest.reports.heatmap import BAR_PX, heatmap_name
from gdest.reports.limits import Limit
from gdest.reports.overlay import LEGEND_PX, overlay_name
from gdest.reports.pictures import preview_name, thumbnail_name
from gdest.reports.record import Record

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
sync_api = pytest.importorskip("playwright.sync_api", reason="the test extra is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

EVIL = '<img src=x onerror="document.title=1">\'"&amp;.tif'
SCRIPT = "a</script><script>document.title=2</script>.tif"


COUNTED = {"g_counted": 7.9, "g_counted_low": 7.7, "g_counted_high": 8.1, "grains_counted": 412.5}
COUNTED |= {"twinned_share": 0.25, "grains_by_half_g": "7.0:10%/40% 8.0:90%/60%"}


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=120_000)
        yield browser
        browser.close()


@contextmanager
def opened(chromium, path, **options):
    """Open the page; at the end nothing may have been asked of the network, or said on the console."""
    page = chromium.new_page(**options)
    page.set_default_timeout(90_000)  # a busy machine is slow, not wrong
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector(
        "html[data-ready='yes']", state="attached"
    )  # the page's policy forbids waiting for an expression
    yield page
    assert said == []
    folder = path.parent.as_uri()
    assert [url for url in asked if not url.startswith((folder, "blob:", "data:"))] == []
    page.close()


@pytest.fixture(scope="module")
def page_path(tmp_path_factory):
    out = tmp_path_factory.mktemp("results ü#1")
    table = [
        row(EVIL, g=4.0, g_low=3.6, g_high=4.4, specimen="P2"),
        row(SCRIPT, g=10.0, g_low=9.7, g_high=10.3, specimen="P1"),
        row("sub/ä #2.tif", g=8.0, specimen="P1", **COUNTED),
        row("z.tif", status="failed", reason="the file is empty (0 bytes)", g=None, specimen="P1", heat="H2"),
    ]
    for name in ("sub/ä #2.tif", EVIL):
        for picture, size in (
            (heatmap_name(name), (400 + BAR_PX, 300)),
            (preview_name(name), (400, 300)),
            (thumbnail_name(name), (90, 60)),
        ):
            (out / picture).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", size, "navy").save(out / picture)
    (out / "overlays/sub").mkdir(parents=True)
    Image.new("RGB", (500 + LEGEND_PX, 375), "teal").save(out / overlay_name("sub/ä #2.tif"))
    write_reports(Record(table, ("/archive",), "fake", "1" * 64), Rules(None, (Limit("g >= 7.0"),)), out)
    return out / "index.html"


def files(page):
    return page.locator("#micrographs tbody button.open").all_inner_texts()


def test_names_are_inert_and_the_table_is_complete(chromium, page_path):
    with opened(chromium, page_path) as page:
        assert sorted(files(page)) == sorted([EVIL, SCRIPT, "sub/ä #2.tif", "z.tif"])
        assert page.title() == "gdest: grain size of 4 micrographs"
        assert page.locator("#micrographs td img").count() == 2  # the thumbnails, not the one in the name


def test_a_cell_looks_as_its_column_says(chromium, page_path):
    with opened(chromium, page_path) as page:
        heads = page.locator("#micrographs thead th").all_inner_texts()
        failed = page.locator("#micrographs tbody tr", has_text="z.tif").locator("td")
        first = page.locator("#micrographs tbody tr", has_text="sub/").locator("td")
        cell = {name: first.nth(heads.index(name)) for name in ("status", "verdict", "g", "um_per_px", "specimen")}
        assert {name: one.inner_text() for name, one in cell.items()} == {
            "status": "graded", "verdict": "pass", "g": "8.0", "um_per_px": "0.5000", "specimen": "P1",
        }  # fmt: skip
        classes = {name: one.locator("span").get_attribute("class") for name, one in cell.items()}
        badges = {name: found for name, found in classes.items() if found}
        assert badges == {"status": "badge graded", "verdict": "badge pass"}
        right = {name for name, one in cell.items() if "dt-right" in one.get_attribute("class")}
        assert right == {"g", "um_per_px"}
        assert "long" in failed.nth(heads.index("reason")).get_attribute("class").split()


def sorted_to(page, expected):
    """Return whether the files with a G come into this order; the table sorts after the click, not within it."""
    for _ in range(200):
        if [name for name in files(page) if name != "z.tif"] == expected:
            return True
        page.wait_for_timeout(100)
    return False


def test_the_table_sorts_by_g_as_a_number(chromium, page_path):
    with opened(chromium, page_path) as page:
        title = page.locator("#micrographs thead th", has_text="g").filter(has_text="g").get_by_text("g", exact=True)
        up = [EVIL, "sub/ä #2.tif", SCRIPT]
        title.first.click()
        assert sorted_to(page, up)
        title.first.click()
        assert sorted_to(page, up[::-1])


def test_a_search_filters_the_table_and_the_histogram(chromium, page_path):
    with opened(chromium, page_path) as page:
        histogram = page.locator("#histogram svg")
        assert histogram.get_attribute("aria-label").endswith("G 4: 1, G 8: 1, G 10: 1")
        page.locator("#micrographs_wrapper input[type=search]").fill("sub/")
        assert files(page) == ["sub/ä #2.tif"]
        assert histogram.get_attribute("aria-label").endswith("micrographs. G 8: 1")


def test_a_specimen_shows_its_micrographs_and_back(chromium, page_path):
    with opened(chromium, page_path) as page:
        of_that_name = page.locator("#specimens button", has_text="P1")
        of_that_name.nth(0).click()
        assert set(files(page)) == {SCRIPT, "sub/ä #2.tif"}
        page.get_by_role("button", name="Show all").click()
        assert len(files(page)) == 4
        of_that_name.nth(1).click()  # another heat's
        assert files(page) == ["z.tif"]
        assert page.locator("#chosen").inner_text().startswith("Only specimen P1, heat H2.")


def test_a_micrograph_opens_with_heatmap_and_slider_by_keyboard_alone(chromium, page_path):
    with opened(chromium, page_path) as page:
        page.locator("#micrographs button.open", has_text="sub/").focus()
        page.keyboard.press("Enter")
        assert page.get_by_role("dialog", name="sub/ä #2.tif").is_visible()
        loaded = "id => document.getElementById(id).naturalWidth"
        page.evaluate("() => document.getElementById('micrograph').decode()")  # until it is loaded
        assert page.evaluate(loaded, "heatmap") == 400 + BAR_PX
        boxes = [page.locator(name).bounding_box() for name in ("#heatmap", "#micrograph")]
        assert boxes[1]["width"] == pytest.approx(boxes[0]["width"] * 400 / (400 + BAR_PX), abs=1)
        page.locator("#slider").focus()
        page.keyboard.press("Home")
        assert page.locator("#micrograph").evaluate("node => node.style.clipPath") == "inset(0px 100% 0px 0px)"
        page.keyboard.press("End")
        assert page.locator("#micrograph").evaluate("node => node.style.clipPath").startswith("inset(0px 0%")
        page.keyboard.press("Escape")
        assert not page.locator("#viewer").is_visible()


def shown_layers(page):
    """Return which buttons of the picture are there, and which one is pressed."""
    there = page.locator("#layers button:visible")
    pressed = page.locator("#layers button[aria-pressed=true]:visible")
    return there.all_inner_texts(), pressed.all_inner_texts()


def test_a_counted_micrograph_is_shown_as_it_is_under_its_grades_or_under_its_boundaries(chromium, page_path):
    with opened(chromium, page_path) as page:
        page.locator("#micrographs button.open", has_text="sub/").click()
        assert shown_layers(page) == (["Original", "Heatmap", "Counted grains"], ["Heatmap"])
        page.get_by_role("button", name="Counted grains").click()
        picture = "document.getElementById('heatmap')"
        loaded = f"() => {picture}.decode().then(() => {picture}.naturalWidth)"
        assert page.evaluate(loaded) == 500 + LEGEND_PX
        assert shown_layers(page)[1] == ["Counted grains"]
        boxes = [page.locator(name).bounding_box()["width"] for name in ("#heatmap", "#micrograph")]
        assert boxes[1] == pytest.approx(boxes[0] * 500 / (500 + LEGEND_PX), abs=1)  # the legend stays free
        assert page.locator("#layer-name").inner_text() == "Counted grains"
        page.get_by_role("button", name="Original").click()
        assert page.evaluate(loaded) == 400
        assert not page.locator("#slider-line").is_visible()
        assert not page.locator("#micrograph").is_visible()


def test_the_chosen_picture_stays_where_the_next_micrograph_has_it(chromium, page_path):
    with opened(chromium, page_path) as page:
        order = files(page)
        page.locator("#micrographs button.open", has_text="sub/").click()
        page.get_by_role("button", name="Counted grains").click()
        to_evil = order.index(EVIL) - order.index("sub/ä #2.tif")
        for _ in range(abs(to_evil)):
            page.keyboard.press("ArrowRight" if to_evil > 0 else "ArrowLeft")
        assert shown_layers(page) == (["Original", "Heatmap"], ["Heatmap"])  # nothing was counted on this one
        for _ in range(abs(to_evil)):
            page.keyboard.press("ArrowLeft" if to_evil > 0 else "ArrowRight")
        assert shown_layers(page)[1] == ["Counted grains"]


def test_the_sizes_of_grains_are_a_histogram_by_number_and_by_area(chromium, page_path):
    with opened(chromium, page_path) as page:
        page.locator("#micrographs button.open", has_text="sub/").click()
        drawn = page.locator("#sizes svg")
        words = "G 7: 10 % by number, 40 % by area; G 8: 90 % by number, 60 % by area"
        assert drawn.get_attribute("aria-label") == f"Sizes of the grains. {words}"
        heights = [
            [float(bar.get_attribute("height")) for bar in drawn.locator(f"rect.{look}").all()][1:]
            for look in ("number", "area")
        ]
        assert [round(bar / max(heights[0]), 2) for bar in heights[0]] == [0.11, 0.0, 1.0]
        assert [round(bar / max(heights[0]), 2) for bar in heights[1]] == [0.44, 0.0, 0.67]
        names, values = (page.locator(f"#told {tag}").all_inner_texts() for tag in ("dt", "dd"))
        told = dict(zip(names, values, strict=True))
        assert (told["g_counted"], told["twinned_share"], told["grains_counted"]) == ("7.9", "0.25", "413")
        assert "grains_by_half_g" not in told
        page.keyboard.press("Escape")
        page.locator("#micrographs button.open", has_text="<img").click()
        assert not page.locator("#sizes").is_visible()


def test_the_note_tells_what_is_estimated_and_what_is_counted(chromium, page_path, tmp_path):
    with opened(chromium, page_path) as page:
        assert "not an E112 measurement" in page.locator(".note").inner_text()
        assert "g_counted is counted as E112 has it, on boundaries that it drew" in page.locator(".note").inner_text()
    write_gallery(Record([row("a.tif")], ("/archive",), "fake", "1" * 64), [], (), tmp_path / "index.html")
    assert "g_counted is counted" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_specimen_shows_what_was_counted_on_its_fields(chromium, page_path):
    with opened(chromium, page_path) as page:
        page.locator("#specimens button", has_text="P1").nth(0).click()
        assert "G 8: 90 % by number" in page.locator("#chosen-sizes svg").get_attribute("aria-label")
        told = page.locator("#chosen-list")
        assert "grains_counted" in told.inner_text() and "fields_counted" in told.inner_text()
        page.locator("#specimens button", has_text="P2").click()
        assert not page.locator("#chosen-sizes").is_visible()
        page.get_by_role("button", name="Show all").click()
        assert not page.locator("#chosen-told").is_visible()


def test_the_next_micrograph_is_the_next_of_the_table(chromium, page_path):
    with opened(chromium, page_path) as page:
        order = files(page)
        page.locator("#micrographs button.open").first.click()
        page.get_by_role("button", name="Next micrograph").click()
        assert page.locator("#viewer-title").inner_text() == order[1]
        page.keyboard.press("ArrowLeft")
        assert page.locator("#viewer-title").inner_text() == order[0]


def test_every_control_has_a_name_and_every_table_head_its_scope(chromium, page_path):
    with opened(chromium, page_path) as page:
        page.locator("#micrographs button.open").first.click()
        nameless = """() => [...document.querySelectorAll("button, input, select")]
            .filter((one) => !one.textContent.trim() && !one.ariaLabel && !(one.labels && one.labels.length))
            .map((one) => one.outerHTML)"""
        assert page.evaluate(nameless) == []
        assert page.evaluate("() => document.documentElement.lang") == "en"


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_follows_light_and_dark(chromium, page_path, scheme, dark):
    with opened(chromium, page_path, color_scheme=scheme) as page:
        ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        level = sum(int(part) for part in ground[4:-1].split(","))
        assert (level < 150) is dark


def test_five_thousand_micrographs_are_usable(chromium, tmp_path):
    table = [row(f"folder/{i:05d}.tif", g=3.0 + i % 17 / 2) for i in range(5000)]
    write_gallery(Record(table, ("/archive",), "fake", "1" * 64), [], (), tmp_path / "index.html")
    began = time.monotonic()
    with opened(chromium, tmp_path / "index.html") as page:
        page.locator("#micrographs_wrapper input[type=search]").fill("04999")
        assert files(page) == ["folder/04999.tif"]
    assert time.monotonic() - began < 20
