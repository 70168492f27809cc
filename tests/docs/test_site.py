"""The site as it is built: strictly, for a browser that reaches no other host."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from layerscape.figures import figures
from layerscape.measures import catalog

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.more
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}


class Loaded(HTMLParser):
    """What a page loads, and with `links` whereto it leads."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.links, self.names = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.loads += filter(None, [attrs.get(LOADS.get(tag, ""))])
        self.links += filter(None, [attrs.get("href")] if tag == "a" else [])
        self.names.add(attrs.get("id"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for library in ("sphinx", "torch", "matplotlib"):
        pytest.importorskip(library)
    out = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "tools.docs", str(out)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return out / "html"


@pytest.fixture(scope="module")
def pages(site):
    return {page: Loaded(page.read_text()) for page in site.rglob("*.html")}


def test_it_has_a_page_of_every_measure_and_shows_every_figure(site):
    for name in catalog():
        assert (site / "measures" / f"{name}.html").is_file()
    text = (site / "figures.html").read_text()
    for name in figures():
        assert f"_images/{name}.png" in text


def test_every_question_of_the_gallery_has_a_figure_of_its_own(site, pages):
    shown = [each for each in pages[site / "gallery.html"].loads if "_images" in each]
    questions = (ROOT / "docs" / "gallery.md").read_text().count("\n## ")
    assert len(shown) == len({(site / each).read_bytes() for each in shown}) == questions > 10


def test_pages_load_nothing_from_other_hosts(site, pages):
    assert len(pages) > 60
    loads = {(page.name, each) for page, found in pages.items() for each in found.loads}
    assert len(loads) > 500
    assert {each for each in loads if "//" in each[1] and not each[1].startswith("data:")} == set()
    for sheet in site.rglob("*.css"):
        found = re.findall(r"(?:@import\s+|url\()[\"']?(https?:)?//", sheet.read_text())
        assert found == [], sheet


def test_links_lead_to_pages_and_places_that_are_there(site, pages):
    for page, found in pages.items():
        for link in found.links:
            target, _, place = link.partition("#")
            if re.match(r"\w+:", link) or "?" in target:
                continue
            to = (page.parent / target).resolve() if target else page
            assert to.is_file(), f"{page.name}: {link}"
            if place and to in pages:
                assert place in pages[to].names, f"{page.name}: {link}"


def test_words_are_found_without_a_server_and_a_phone_shows_all_of_a_page(site):
    """From files, in a browser, which asks nobody else and finds nothing wrong in a page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on the path; install it to open the site")
    playwright = pytest.importorskip("playwright.sync_api")
    asked, wrong = [], []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.set_default_timeout(120_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        for name in ("index", "measures/twonn", "figures", "gallery", "pitfalls", "coming-from", "checked"):
            page.goto((site / f"{name}.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == 390, name
        page.goto((site / "search.html").as_uri() + "?q=hubness")
        page.wait_for_selector("#search-results li a")
        assert "hubness" in page.inner_text("#search-results li a >> nth=0")
        browser.close()
    assert set(wrong) <= {"Failed to fetch"}  # the words around what was found, which only a server hands out
    assert len(asked) > 20
    assert [each for each in asked if not each.startswith(("file:", "data:", "blob:"))] == []
