"""The page in a browser: what everybody can read, reach by keys, print and save; each check is shown able to fail."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import layerscape as ls
from layerscape.reports import report

pytestmark = pytest.mark.more
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRAWN = "[...document.querySelectorAll('[data-chart]')].every((each) => each.dataset.drawn)"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental"]
SERIOUS = ("serious", "critical")
LINES = "[data-chart='dimension_depth'], [data-chart^='step_profiles']"  # charts of curves, with a menu
PATIENCE = 120_000  # milliseconds, on a machine that others use too
A4 = {"width": 688, "height": 1000}  # pixels within margins of 14 mm
PHONE = {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on the path; install it to open the page")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser):
    """A function that opens a page when all of it is drawn; what it complains of ends the test."""
    contexts, complaints = [], []

    def go(path, scheme="light", size=None, media="screen"):
        asked = {"viewport": size or {"width": 1280, "height": 900}, "color_scheme": scheme, "accept_downloads": True}
        contexts.append(browser.new_context(bypass_csp=True, **asked))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_function(DRAWN)
        page.emulate_media(media=media, color_scheme=scheme)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module", params=["image", "text", "series"])
def path(make_run_once, request, tmp_path_factory):
    if request.param == "series":
        return page_of_series(tmp_path_factory.mktemp("series"))
    run, other = (
        make_run_once(
            request.param, n_samples=24, layers=4, dead=dead, trained=bool(dead), name=f"{request.param}{dead}"
        )
        for dead in ("stage 2", "")
    )
    return report(run, baseline=other, n_queries=12, n_neighbors=6)


def page_of_series(folder):
    rng = np.random.default_rng(0)
    x, kind = rng.standard_normal((40, 6)), np.arange(40) % 2
    for step in (0, 10, 100):
        layers = {"input": x, "block_1": x + 0.1 * step * kind[:, None], "block_2": np.tanh(x + step * kind[:, None])}
        ids = [f"sample {row}" for row in range(40)]
        ls.from_arrays(layers, labels={"kind": kind.astype(str)}, ids=ids, out=folder / f"step_{step}")
    series = ls.series(folder)
    ls.measure(series, ["twonn", "gride", "overlap", "label_overlap"], k=5)
    return report(series, n_queries=12, n_neighbors=6)


@pytest.fixture(scope="module")
def html(make_run_once):
    page = report(make_run_once("text", n_samples=20, layers=3, name="whole"), n_queries=6, n_neighbors=4)
    return re.sub("<meta http-equiv[^>]*>", "", page.read_text("utf-8"))


@pytest.fixture
def broken(html, tmp_path):
    """A function that makes a page in which one text is another."""

    def make(old, new):
        assert old in html
        found = tmp_path / "broken.html"
        found.write_text(html.replace(old, new), "utf-8")
        return found

    return make


def serious(page):
    """The rules that axe-core finds broken in a serious way."""
    axe = pytest.importorskip("axe_playwright_python")
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("(values) => axe.run({ runOnly: { type: 'tag', values } })", TAGS)["violations"]
    return {each["id"] for each in found if each["impact"] in SERIOUS}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(path, open_page, scheme):
    assert serious(open_page(path, scheme)) == set()


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("mark.description ??= title;", "", "svg-img-alt"),
        ('aria-label="SVG of', 'aria-label="Picture of', "label-content-name-mismatch"),
        ("<summary>Show the table</summary>", '<summary><svg viewBox="0 0 1 1"></svg></summary>', "summary-name"),
        ("--muted: #5a626c", "--muted: #c0c4c8", "color-contrast"),
    ],
)
def test_what_somebody_could_not_read_is_found(broken, open_page, old, new, rule):
    assert rule in serious(open_page(broken(old, new)))


WIDE = """() => {
  const scrolls = (node) => node && node !== document.body
    && (["auto", "scroll", "hidden"].includes(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
  const wide = [...document.querySelectorAll("body *:not(svg *)")].filter((node) =>
    node.getBoundingClientRect().right > innerWidth + 1 && !scrolls(node.parentElement));
  const page = document.documentElement.scrollWidth > innerWidth ? ["page"] : [];
  return [...new Set(wide.map((node) => node.tagName.toLowerCase())), ...page];
}"""


def too_wide(page):
    """What reaches beyond the width of the window or the sheet, but for what scrolls on its own."""
    return page.evaluate(WIDE)


def test_a_phone_shows_it_without_scrolling_sideways(path, open_page):
    assert too_wide(open_page(path, size=PHONE)) == []


def test_what_is_too_wide_for_a_phone_is_found(broken, open_page):
    assert "page" in too_wide(open_page(broken("min(100%, 420px)", "420px"), size=PHONE))


def printed(page):
    """As it is laid out on a sheet, after it was drawn for a wide window."""
    page.set_viewport_size(A4)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_print_on_a4_cuts_nothing_off_and_is_dark_on_white(path, open_page, scheme):
    page = printed(open_page(path, scheme, media="print"))
    assert too_wide(page) == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(252, 252, 250)"
    assert page.evaluate(
        "[...document.querySelectorAll('figure')].every((f) => getComputedStyle(f).breakInside === 'avoid')"
    )


def test_a_print_that_would_be_cut_off_is_found(broken, open_page):
    page = printed(open_page(broken(".chart svg { max-width: 100%; height: auto; }", ""), media="print"))
    page.add_style_tag(content=".chart svg { width: 900px; }")  # which a chart that is drawn again keeps
    assert "svg" in too_wide(page)


def test_the_first_chart_begins_on_the_first_screen(path, open_page):
    page, top = open_page(path), "document.querySelector('figure').getBoundingClientRect().top"
    assert page.evaluate(top) < 900
    page.evaluate("document.querySelector('.findings').style.minHeight = '900px'")
    assert page.evaluate(top) > 900  # what stands too low is found


def inks(svg):
    """The luminance, in 0…1, of the letters of a drawing."""
    colors = re.findall(r'<text[^>]*fill="#([0-9a-f]{6})"', svg)
    return [sum(w * int(c[i : i + 2], 16) for w, i in ((0.3, 0), (0.59, 2), (0.11, 4))) / 255 for c in colors]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_saved_chart_is_dark_on_white_in_any_scheme(path, open_page, scheme, tmp_path):
    page = open_page(path, scheme)
    name = page.locator(LINES).first.get_attribute("data-chart")
    shown = page.locator(f"[data-chart='{name}'] svg").evaluate("(svg) => svg.outerHTML")
    assert (min(inks(shown)) > 0.5) is (scheme == "dark")
    for ending in ("svg", "png"):
        with page.expect_download() as begun:
            page.locator(f"[data-of='{name}'][data-save='{ending}']").click()
        assert begun.value.suggested_filename == f"{name}.{ending}"
        begun.value.save_as(tmp_path / f"saved.{ending}")
    saved = (tmp_path / "saved.svg").read_text("utf-8")
    assert 'fill="white"' in saved
    assert max(inks(saved)) < 0.5
    assert (tmp_path / "saved.png").read_bytes().startswith(b"\x89PNG")


INK = "document.querySelector('.chart svg text').getAttribute('fill')"


def test_a_change_of_scheme_and_a_print_draw_anew_and_keep_what_was_chosen(path, open_page):
    page = open_page(path)
    menu, light = page.locator(LINES).first.locator("select"), page.evaluate(INK)
    last = menu.locator("option").last.get_attribute("value")
    assert menu.input_value() != last
    menu.select_option(last)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"(before) => {INK} !== before", arg=light)
    assert menu.input_value() == last
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function(f"(before) => {INK} === before", arg=light)


HAS_FOCUS = """() => {
  const own = document.activeElement;
  if (own.getAttribute("aria-current")) return "the sample that is picked";
  return own.matches(".card") ? [own.closest("tr").rowIndex, own.closest("td").cellIndex] : own.className;
}"""


def test_the_focus_stays_where_it_was(path, open_page):
    page = open_page(path)
    picked = page.locator(".picked h3")
    page.locator(".gallery button").nth(3).click()
    assert page.evaluate(HAS_FOCUS) == "the sample that is picked"
    before = picked.inner_text()
    page.keyboard.press("ArrowRight")
    assert picked.inner_text() != before
    assert page.evaluate(HAS_FOCUS) == "the sample that is picked"
    card = page.locator("button.card").first
    place = card.evaluate("(node) => [node.closest('tr').rowIndex, node.closest('td').cellIndex]")
    card.click()
    assert page.evaluate(HAS_FOCUS) in (place, "scroll")  # of a neighbor that cannot be picked: what it stands in


def test_arrows_belong_to_what_has_the_focus(path, open_page):
    page = open_page(path)
    picked = page.locator(".picked h3")
    first = picked.inner_text()
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.press("ArrowRight")  # nothing has it, and the strip is not seen
    for selector in ("#strip input", "#strip .scroll", "[data-chart] select"):
        page.locator(selector).first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Escape")
    assert picked.inner_text() == first
    page.locator("[aria-label='next sample']").focus()
    page.keyboard.press("ArrowRight")
    assert picked.inner_text() != first
    page.keyboard.press("ArrowLeft")
    assert picked.inner_text() == first


def test_a_focus_that_is_lost_is_found(broken, open_page):
    page = open_page(broken("const now = again();", "const now = document.body;"))
    page.locator(".gallery button").nth(3).click()
    assert page.evaluate("document.activeElement === document.body")


def test_arrows_that_are_taken_away_are_found(broken, open_page):
    page = open_page(broken('"input, select, .scroll, .scroll *"', '"input"'))
    picked = page.locator(".picked h3")
    first = picked.inner_text()
    page.locator("#strip .scroll").focus()
    page.keyboard.press("ArrowRight")
    assert picked.inner_text() != first


def test_one_slider_chooses_the_step_of_all_profiles_and_frames_it_in_the_maps(tmp_path, open_page):
    page = open_page(page_of_series(tmp_path))
    slider, said = page.locator("#step"), page.locator(".through output")
    assert (said.text_content(), slider.get_attribute("aria-valuetext")) == ("100", "100")
    menus = "[...document.querySelectorAll('.vega-bindings select')].map((each) => each.value)"
    before = page.evaluate(menus)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert (said.text_content(), slider.get_attribute("aria-valuetext")) == ("10", "10")
    after = page.evaluate(menus)
    steps = [(a, b) for a, b in zip(before, after, strict=True) if a.startswith("100")]
    assert len(steps) >= 2
    assert all(b == "10" + a.removeprefix("100") for a, b in steps)
    assert all(a == b for a, b in zip(before, after, strict=True) if not a.startswith("100"))
    page.keyboard.press("Home")
    assert said.text_content() == "0"
    frames = page.locator("svg .mark-rect path[stroke-width='1.5']")
    assert frames.count() >= 6  # of two layers in three maps at least
    assert page.locator("svg .mark-text text", has_text="100").count() >= 1  # the ghost of the last step has its name


def test_a_layer_that_is_chosen_is_followed_and_stands_in_the_link(tmp_path, open_page):
    page = open_page(page_of_series(tmp_path))
    caption, chosen = page.locator("#strip caption"), page.locator("#strip select").first
    names = chosen.evaluate("(node) => [...node.options].map((each) => each.text)")
    assert len(names) > 1
    assert f"of {names[-1]}, nearest first" in caption.text_content()
    chosen.select_option("0")
    assert f"of {names[0]}, nearest first" in caption.text_content()
    assert f"layer={names[0]}" in page.evaluate("location.hash")
    page.reload()
    page.wait_for_function(DRAWN)
    assert f"of {names[0]}, nearest first" in page.locator("#strip caption").text_content()
