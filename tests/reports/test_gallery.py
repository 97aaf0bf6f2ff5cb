"""The page in a real Chromium, from the disk, as a user opens it."""

from __future__ import annotations

import csv
import re
import shutil
import time
from contextlib import contextmanager
from io import BytesIO

import pytest
from helpers.table_rows import row
from PIL import Image, ImageColor

from gdest.reports.assign import Rules
from gdest.reports.every import write_reports
from gdest.reports.gallery import write_gallery
from gdest.reports.heatmap import heatmap_name
from gdest.reports.lettering import FOOTER_PX, HEADER_PX
from gdest.reports.limits import Limit
from gdest.reports.overlay import layer_name, overlay_name
from gdest.reports.pictures import preview_name, thumbnail_name
from gdest.reports.record import Record
from gdest.reports.scale import BAR_PX

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
sync_api = pytest.importorskip("playwright.sync_api", reason="the test extra is not installed")
expect = sync_api.expect  # waits until what it says is so: a page follows an event after the event, not within it
expect.set_options(timeout=90_000)  # a busy machine is slow, not wrong
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
    page.set_default_timeout(90_000)
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
        row("sub/ä #2.tif", g=8.0, specimen="P1", width_px=800, height_px=600, um_per_px=0.5, **COUNTED),
        row("z.tif", status="failed", reason="the file is empty (0 bytes)", g=None, specimen="P1", heat="H2"),
    ]
    for name in ("sub/ä #2.tif", EVIL):
        for picture, size, colour in (
            (heatmap_name(name), (2 * (400 + BAR_PX), HEADER_PX + 300 + FOOTER_PX), "navy"),
            (preview_name(name), (400, 300), "peru"),
            (thumbnail_name(name), (90, 60), "navy"),
        ):
            (out / picture).parent.mkdir(parents=True, exist_ok=True)
            drawn = Image.new("RGB", size, colour)
            if picture == heatmap_name(name):  # the second map begins right of the first and its bar
                drawn.paste("white", (0, 0, size[0], HEADER_PX))
                drawn.paste("black", (0, HEADER_PX + 300, *size))
                drawn.paste("gold", (400 + BAR_PX, HEADER_PX, 800 + BAR_PX, HEADER_PX + 300))
            drawn.save(out / picture)
    for picture in (overlay_name("sub/ä #2.tif"), layer_name("sub/ä #2.tif")):
        (out / picture).parent.mkdir(parents=True)
        Image.new("RGBA", (500, 375), "lime").save(out / picture)
    write_reports(Record(table, ("/archive",), "fake", "1" * 64), Rules(None, (Limit("g >= 7.0"),)), out)
    return out / "index.html"


def listed(page):
    return page.locator("#micrographs tbody a.open")


def files(page):
    return listed(page).all_inner_texts()


def expect_files(page, *names):
    expect(listed(page)).to_have_text(list(names))


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
        cell = {name: first.nth(heads.index(name)) for name in ("status", "verdict", "G", "µm per px", "specimen")}
        assert {name: one.inner_text() for name, one in cell.items()} == {
            "status": "graded", "verdict": "pass", "G": "8.0", "µm per px": "0.5000", "specimen": "P1",
        }  # fmt: skip
        classes = {name: one.locator("span").get_attribute("class") for name, one in cell.items()}
        badges = {name: found for name, found in classes.items() if found}
        assert badges == {"status": "badge graded", "verdict": "badge pass"}
        right = {name for name, one in cell.items() if "dt-right" in one.get_attribute("class")}
        assert right == {"G", "µm per px"}
        assert "long" in failed.nth(heads.index("reason")).get_attribute("class").split()


def test_the_table_sorts_by_g_as_a_number(chromium, page_path):
    with opened(chromium, page_path) as page:
        title = page.locator("#micrographs thead th", has_text="G").get_by_text("G", exact=True)
        with_a_g, up = listed(page).filter(has_not_text="z.tif"), [EVIL, "sub/ä #2.tif", SCRIPT]
        title.first.click()
        expect(with_a_g).to_have_text(up)
        title.first.click()
        expect(with_a_g).to_have_text(up[::-1])


def test_a_search_filters_the_table_and_the_histogram(chromium, page_path):
    with opened(chromium, page_path) as page:
        histogram = page.locator("#histogram svg")
        expect(histogram).to_have_attribute("aria-label", re.compile("G 4: 1, G 8: 1, G 10: 1$"))
        page.locator("#search").fill("sub/")
        expect_files(page, "sub/ä #2.tif")
        expect(histogram).to_have_attribute("aria-label", re.compile(r"micrographs\. G 8: 1$"))


def test_a_specimen_shows_its_micrographs_and_back(chromium, page_path):
    with opened(chromium, page_path) as page:
        of_that_name = page.locator("#specimens button", has_text="P1")
        of_that_name.nth(0).click()
        expect(listed(page)).to_have_count(2)
        assert set(files(page)) == {SCRIPT, "sub/ä #2.tif"}
        page.get_by_role("button", name="Show all").click()
        expect(listed(page)).to_have_count(4)
        of_that_name.nth(1).click()  # another heat's
        expect_files(page, "z.tif")
        expect(page.locator("#chosen-name")).to_have_text("Specimen P1, heat H2")


def opened_micrograph(page, text):
    page.locator("#micrographs a.open", has_text=text).click()
    page.get_by_role("dialog").wait_for()
    page.evaluate("() => Promise.all([...document.querySelectorAll('#sheet img[src]')].map((one) => one.decode()))")


def colour_at(page, share_x=0.5, share_y=0.5):
    """Return the colour that a person sees at a place of the micrograph, (r, g, b)."""
    box = page.locator("#sheet").bounding_box()
    x, y = box["x"] + share_x * box["width"], box["y"] + share_y * box["height"]
    shot = page.screenshot(clip={"x": x, "y": y, "width": 2, "height": 2})
    with Image.open(BytesIO(shot)) as image:
        return image.convert("RGB").getpixel((0, 0))


def seen(colour):
    return pytest.approx(ImageColor.getrgb(colour), abs=3)


def test_a_micrograph_opens_and_closes_by_keyboard_alone(chromium, page_path):
    with opened(chromium, page_path) as page:
        page.keyboard.press("Tab")
        expect(page.locator("#skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(listed(page).first).to_be_focused()
        page.locator("#micrographs a.open", has_text="sub/").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="sub/ä #2.tif")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#viewer")).to_be_hidden()


def test_each_layer_shows_through_as_far_as_its_slider_says(chromium, page_path):
    with opened(chromium, page_path) as page:
        opened_micrograph(page, "sub/")
        for share in (0.02, 0.5, 0.97):
            assert colour_at(page, 0.5, share) == seen("navy")  # all of the heatmap, whose frame is cut off
        page.locator("#which").select_option("1")
        assert colour_at(page) == seen("gold")
        page.locator("#grades-opacity").fill("0")
        assert colour_at(page) == seen("peru")  # the micrograph, in its colours
        page.locator("#grades-opacity").fill("50")
        middle = [round((a + b) / 2) for a, b in zip(*map(ImageColor.getrgb, ("gold", "peru")), strict=True)]
        assert colour_at(page) == pytest.approx(middle, abs=4)
        page.locator("#with-boundaries").check()
        assert colour_at(page) == seen("lime")
        page.locator("#boundaries-opacity").fill("0")
        page.locator("#which").select_option("")
        assert colour_at(page) == seen("peru")
        expect(page.locator("#scale")).to_be_hidden()


def test_a_micrograph_without_layers_offers_none(chromium, page_path):
    with opened(chromium, page_path) as page:
        opened_micrograph(page, "<img")
        expect(page.locator("#grades-line")).to_be_visible()
        expect(page.locator("#boundaries-line")).to_be_hidden()
        page.keyboard.press("Escape")
        opened_micrograph(page, "z.tif")  # it failed
        expect(page.locator("#no-picture")).to_be_visible()
        expect(page.locator("#layers")).to_be_hidden()
        expect(page.locator("#pictures")).to_be_hidden()


def test_the_um_bar_is_as_long_as_it_says_however_far_the_micrograph_is_enlarged(chromium, page_path):
    with opened(chromium, page_path) as page:
        opened_micrograph(page, "sub/")
        told = set()
        for key in ("0", "+", "+", "+", "+", "-"):
            page.keyboard.press(key)
            um = float(page.locator("#um-bar b").inner_text().removesuffix(" µm"))
            drawn = page.locator("#um-bar span").bounding_box()["width"]
            um_per_px = 0.5 * 800 / page.locator("#sheet").bounding_box()["width"]
            assert drawn * um_per_px == pytest.approx(um, rel=0.01)
            told.add(um)
        assert len(told) > 1
        page.keyboard.press("Escape")


def settled(page, value):
    """Return the value once it has stopped changing; the page answers a wheel or a drag a frame or more later."""
    seen_last = None
    while (now := value()) != seen_last:
        seen_last = now
        page.wait_for_timeout(300)
    return now


def test_the_wheel_enlarges_where_the_mouse_is_and_dragging_moves(chromium, page_path):
    with opened(chromium, page_path) as page:
        opened_micrograph(page, "sub/")
        stage, sheet = page.locator("#stage").bounding_box(), page.locator("#sheet")
        before = sheet.bounding_box()
        x, y = before["x"] + 0.25 * before["width"], before["y"] + 0.25 * before["height"]
        page.mouse.move(x, y)
        page.mouse.wheel(0, -600)
        after = settled(page, sheet.bounding_box)
        assert after["width"] > 2 * before["width"]
        assert x == pytest.approx(after["x"] + 0.25 * after["width"], abs=2)
        page.mouse.down()
        page.mouse.move(x + 40, y + 30)
        page.mouse.up()
        moved = settled(page, sheet.bounding_box)
        assert (moved["x"] - after["x"], moved["y"] - after["y"]) == pytest.approx((40, 30), abs=1)
        page.keyboard.press("0")
        assert sheet.bounding_box()["width"] == pytest.approx(before["width"], abs=1)
        assert stage["width"] > before["width"] - 1


def test_an_address_names_a_micrograph_and_opens_it(chromium, page_path):
    with opened(chromium, page_path) as page:
        page.locator("#micrographs a.open", has_text="sub/").click()
        page.get_by_role("dialog").wait_for()
        address = page.url
        assert address.endswith("#file=sub%2F%C3%A4%20%232.tif")
        page.go_back()
        page.locator("#viewer").wait_for(state="hidden")
        page.goto("about:blank")
        page.goto(address)
        page.get_by_role("dialog", name="sub/ä #2.tif").wait_for()
        page.keyboard.press("Escape")
        page.locator("#viewer").wait_for(state="hidden")
        expect(page).to_have_url(re.compile("[^=]*$"))


def test_an_opened_micrograph_links_to_its_file_and_pictures(chromium, page_path):
    with opened(chromium, page_path) as page:
        opened_micrograph(page, "sub/")
        links = {one.inner_text(): one.get_attribute("href") for one in page.locator("#links a").all()}
        assert links["File"].endswith("/archive/sub/%C3%A4%20%232.tif")
        assert links["Heatmap"] == "heatmaps/sub/%C3%A4%20%232.tif.png"
        assert links["Counted grains"] == "overlays/sub/%C3%A4%20%232.tif.png"


def chip(page, group, word):
    return page.get_by_role("group", name=group).get_by_role("button", name=word, exact=False)


def test_chips_filter_by_what_they_say_and_by_nothing_else(chromium, page_path):
    with opened(chromium, page_path) as page:
        chip(page, "verdict", "fail").click()
        expect_files(page, EVIL)  # not the one whose status is failed
        expect(page.locator("#found")).to_have_text("1 of 4")
        chip(page, "verdict", "pass").click()
        expect(listed(page)).to_have_count(3)  # either of a group
        chip(page, "status", "failed").click()
        expect_files(page)  # all groups
        page.get_by_role("button", name="Show all").click()
        expect(listed(page)).to_have_count(4)
        expect(page.locator("#chips button[aria-pressed=true]")).to_have_count(0)


def test_the_word_fail_does_not_find_what_failed(chromium, page_path):
    with opened(chromium, page_path) as page:
        found = {"fail": [EVIL], "failed": ["z.tif"], "bytes": ["z.tif"], "p1 pass sub": ["sub/ä #2.tif"]}
        for words, expected in found.items():
            page.locator("#search").fill(words)
            expect_files(page, *expected)


def test_what_is_filtered_is_saved_as_a_table_without_formulas(chromium, tmp_path):
    table = [
        row("=1+2.tif", g=8.0),
        row('a"b.tif', g=9.04, reason="x, y;\uff1dcmd"),
        row("c.tif", g=4.0, status="review"),
    ]
    write_gallery(Record(table, ("/archive",), "fake", "1" * 64), [], (), tmp_path / "index.html")
    with opened(chromium, tmp_path / "index.html") as page:
        chip(page, "status", "graded").click()
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Save as CSV").click()
        lines = list(csv.DictReader(waiting.value.path().open(encoding="utf-8", newline="")))
    assert [(line["file"], line["g"], line["reason"]) for line in lines] == [
        ("'=1+2.tif", "8", ""), ('a"b.tif', "9.04", "x, y;'\uff1dcmd"),
    ]  # fmt: skip


def test_the_csv_of_the_gallery_is_european_where_the_others_are(chromium, tmp_path):
    table = [row("a,=1.tif", g=9.04, reason="x; -5"), row("b.tif", g=-1.5)]
    write_gallery(Record(table, ("/archive",), "fake", "1" * 64, csv="european"), [], (), tmp_path / "index.html")
    with opened(chromium, tmp_path / "index.html") as page:
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Save as CSV").click()
        content = waiting.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(content.decode("utf-8-sig").splitlines(), delimiter=";"))
    assert [(line["file"], line["g"], line["reason"]) for line in lines] == [
        ("a,'=1.tif", "9,04", "x; -5"), ("b.tif", "-1,5", ""),
    ]  # fmt: skip


def test_the_shown_layers_stay_for_the_next_micrograph(chromium, page_path):
    with opened(chromium, page_path) as page:
        opened_micrograph(page, "sub/")
        page.locator("#with-boundaries").check()
        page.locator("#which").select_option("1")
        page.locator("#stage").focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#viewer-title")).to_have_text("sub/ä #2.tif")
        expect(page.locator("#with-boundaries")).to_be_checked()
        expect(page.locator("#which")).to_have_value("1")


def test_a_phone_shows_each_micrograph_with_its_g_in_one_column(chromium, page_path):
    with opened(chromium, page_path, viewport={"width": 390, "height": 844}) as page:
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        boxes = [one.bounding_box() for one in page.locator("#micrographs tbody tr").all()]
        assert len({box["x"] for box in boxes}) == 1
        for one in page.locator("#micrographs td[data-name=g]:not(:empty)").all():
            box = one.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 390
        opened_micrograph(page, "sub/")
        assert page.evaluate("() => document.getElementById('viewer').scrollWidth") <= 390
        stage, facts = (page.locator(name).bounding_box() for name in ("#stage", "#facts"))
        assert facts["y"] >= stage["y"] + stage["height"]


def test_the_sizes_of_grains_are_a_histogram_by_number_and_by_area(chromium, page_path):
    with opened(chromium, page_path) as page:
        page.locator("#micrographs a.open", has_text="sub/").click()
        drawn = page.locator("#sizes svg")
        words = "G 7: 10 % by number, 40 % by area; G 8: 90 % by number, 60 % by area"
        expect(drawn).to_have_attribute("aria-label", f"Sizes of the grains. {words}")
        heights = [
            [float(bar.get_attribute("height")) for bar in drawn.locator(f"rect.{look}").all()][1:]
            for look in ("number", "area")
        ]
        assert [round(bar / max(heights[0]), 2) for bar in heights[0]] == [0.11, 0.0, 1.0]
        assert [round(bar / max(heights[0]), 2) for bar in heights[1]] == [0.44, 0.0, 0.67]
        names, values = (page.locator(f"#told {tag}").all_inner_texts() for tag in ("dt", "dd"))
        told = dict(zip(names, values, strict=True))
        assert (told["G counted"], told["twinned share"], told["grains counted"]) == ("7.9", "0.25", "413")
        assert "grains_by_half_g" not in told
        page.keyboard.press("Escape")
        page.locator("#micrographs a.open", has_text="<img").click()
        expect(page.locator("#sizes")).to_be_hidden()


def test_the_note_tells_what_is_estimated_and_what_is_counted(chromium, page_path, tmp_path):
    with opened(chromium, page_path) as page:
        assert "not an E112 measurement" in page.locator(".note").inner_text()
        assert "G counted follows E112, on boundaries that it drew" in page.locator(".note").inner_text()
    write_gallery(Record([row("a.tif")], ("/archive",), "fake", "1" * 64), [], (), tmp_path / "index.html")
    assert "G counted follows" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_specimen_shows_what_was_counted_on_its_fields(chromium, page_path):
    with opened(chromium, page_path) as page:
        page.locator("#specimens button", has_text="P1").nth(0).click()
        expect(page.locator("#chosen-sizes svg")).to_have_attribute("aria-label", re.compile("G 8: 90 % by number"))
        told = page.locator("#chosen-list")
        assert "grains counted" in told.inner_text() and "fields counted" in told.inner_text()
        page.locator("#specimens button", has_text="P2").click()
        expect(page.locator("#chosen-sizes")).to_be_hidden()
        page.get_by_role("button", name="Show all").click()
        expect(page.locator("#chosen")).to_be_hidden()


def test_the_next_micrograph_is_the_next_of_the_table(chromium, page_path):
    with opened(chromium, page_path) as page:
        order = files(page)
        page.locator("#micrographs a.open").first.click()
        page.get_by_role("button", name="Next micrograph").click()
        expect(page.locator("#viewer-title")).to_have_text(order[1])
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#viewer-title")).to_have_text(order[0])


def test_every_control_has_a_name_and_every_table_head_its_scope(chromium, page_path):
    with opened(chromium, page_path) as page:
        page.locator("#micrographs a.open").first.click()
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
        page.locator("#search").fill("04999")
        expect_files(page, "folder/04999.tif")
    assert time.monotonic() - began < 20


def test_what_needs_a_person_is_in_the_tables_without_scrolling_at_1400_px(chromium, tmp_path):
    long = "archive of the last year/plate 17, longitudinal, at the quarter/field {}.tif"
    same = {
        "sha256": "7" * 64,
        "specimen": "heat_4711_plate_17_quarter_longitudinal",
        "heat": "H 4711",
        "um_per_px": 0.4321,
        **COUNTED,
    }
    same |= {"homogeneity": "duplex:banding-horizontal", "g_low": 7.5, "g_high": 8.5}
    why = "only 12 of 40 tiles show metal only; pixel sizes disagree: 0.43 um/px (objective), 0.5 um/px (ome-xml)"
    table = [row(long.format(number), **same) for number in (1, 2)]
    table.append(row(long.format(3), **same | {"sha256": "8" * 64}, status="review", reason=why))
    write_reports(Record(table, ("/archive",), "fake", "1" * 64), Rules(None, (Limit("g >= 9.0"),)), tmp_path)
    with opened(chromium, tmp_path / "index.html", viewport={"width": 1400, "height": 900}) as page:
        told = {
            "reason": page.get_by_text(why),
            "copy": page.locator("#micrographs td[data-name=copy_of]", has_text="1"),
        }
        told["verdict"] = page.locator("#specimens td", has_text="says little")
        for name, one in told.items():
            expect(one).to_have_count(1, timeout=10_000)
            box = one.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 1400, name
        page.locator("#as-cards").click()
        card = page.locator("#micrographs tbody tr", has_text="field 2.tif").locator("td[data-name=copy_of] span")
        expect(card).to_have_text(long.format(1))
        assert card.evaluate("(one) => getComputedStyle(one, '::before').content") == '"copy of "'
