from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.errors import FileProblem, InvalidValue
from layerscape.reports import findings, report
from layerscape.reports.facts import _proven
from layerscape.reports.page import MAX_BYTES

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
N_SCRIPTS = 4  # the library and the three of the page


class Page(HTMLParser):
    """Elements of a page, and the contents of its scripts."""

    def __init__(self, html):
        super().__init__()
        self.html, self.elements, self.scripts, self.islands, self.words = html, [], [], {}, []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        if tag == "script" and attributes.get("type") == "application/json" and data.strip():
            self.islands[attributes["id"].removeprefix("data-")] = json.loads(data)
        elif tag == "script" and data.strip():
            self.scripts.append(data)
        self.words.append(data)


def read(path):
    return Page(path.read_text("utf-8", errors="strict"))


def test_the_page_lies_in_the_run_folder_and_says_what_was_found(make_run):
    run = make_run(n_samples=60, layers=4, dead="stage 2")
    untrained = make_run(n_samples=60, layers=4, trained=False, name="untrained")
    path = report(run, baseline=untrained, n_queries=20)
    assert path == run.path / "report.html"
    assert [each.name for each in run.path.iterdir()] == ["report.html"]
    words = re.sub(r"\s+", " ", " ".join(read(path).words))
    for sentence in [*findings(run, untrained), "3 samples are copies of others", "every row is equal"]:
        assert sentence in words
    assert "20 of 60 samples can be picked, drawn at random (seed 0)" in re.sub(r"\s+", " ", words)
    assert "layerscape run 'demo model' digits --out runs/demo" in words


def test_nothing_is_loaded_and_only_the_own_scripts_may_run(make_run):
    page = read(report(make_run(n_samples=30, layers=3)))
    assert len(page.scripts) == N_SCRIPTS
    policy = next(attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    for script in page.scripts:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "base")
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")


def test_hostile_names_texts_and_labels_stay_text(make_run):
    run = make_run("text", n_samples=40, layers=3, name="<script>alert(3)</script>")
    column = "</script><script>alert(4)</script>"
    run.samples.labels[column] = run.samples.labels["kind"]
    run.table = run.table.replace({"label": {"kind": column}}).assign(warnings="<img src=x onerror=alert(5)>")
    run.record["model"] = "<img src=x onerror=alert(6)>"
    run.record["command"] = "</pre><script>alert(7)</script>"
    path = report(run)
    page = read(path)
    assert len(page.scripts) == N_SCRIPTS
    assert not any(tag == "img" for tag, _ in page.elements)
    assert column in page.islands["strip"]["labels"]
    assert set(page.islands["strip"]["ids"]) == set(run.samples.ids)
    assert page.islands["strip"]["previews"][0].startswith(tuple(run.samples.contents))
    assert "\u2028" not in path.read_text("utf-8").split('id="data-')[1]


def test_names_that_are_not_utf_8_are_shown_by_their_number(make_run):
    run = make_run("text", n_samples=6, layers=2)
    run.samples.ids = ("caf\udce9.txt", *run.samples.ids[1:])
    run.name = "caf\udce9"
    page = read(report(run, n_neighbors=2))
    assert run.samples.ids[0] in page.islands["strip"]["ids"]


def test_the_same_run_gives_the_same_page(make_run, tmp_path):
    run = make_run(n_samples=30, layers=3)
    first, second = report(run, tmp_path / "a.html", seed=1), report(run, tmp_path / "b.html", seed=1)
    assert first.read_bytes() == second.read_bytes()


def test_a_page_that_would_be_too_large_shows_fewer_samples_and_says_so(make_run, monkeypatch):
    monkeypatch.setattr("layerscape.reports.page.MAX_BYTES", 1_200_000)
    path = report(make_run("text", n_samples=400, layers=6), n_queries=400)
    assert 1_000_000 < path.stat().st_size < 1_200_000
    words = re.sub(r"\s+", " ", " ".join(read(path).words))
    assert re.search(r"\d+ of 400 samples can be picked.*; 400 were asked for, but the page would have exceeded", words)


def test_a_table_that_is_too_long_is_cut_and_says_so(make_run, monkeypatch):
    monkeypatch.setattr("layerscape.reports.page.MAX_TABLE", 3000)
    run = make_run(n_samples=30, layers=3)
    page = read(report(run))
    n_rows = page.islands["table"].count("\n") - 1
    assert 10 < n_rows < len(run.table)
    assert f"{len(run.table) - n_rows} more did not fit into the page" in " ".join(page.words)


def test_thirty_three_layers_of_pictures_stay_below_the_limit(make_run):
    path = report(make_run(n_samples=600, layers=33, dead="stage 5"))
    assert path.stat().st_size < MAX_BYTES == 10_000_000


@pytest.mark.parametrize("name", ["n_neighbors", "n_queries"])
def test_a_number_below_one_is_refused(make_run, name):
    with pytest.raises(InvalidValue, match=f"^{name}=0; give a number of at least 1\\.$"):
        report(make_run(n_samples=10, layers=2), **{name: 0})


def test_a_baseline_of_another_network_is_refused(make_run):
    run, other = make_run(n_samples=10, layers=2), make_run(n_samples=10, layers=2, name="other")
    other.layers = ("block 1", "block 2")
    message = (
        "the baseline 'other' has no layer of 'residual digits'; give a run of the same network, whose layers have the "
        "same names."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$"):
        report(run, baseline=other)


def test_a_page_reads_the_table_of_a_run_once(make_run, tmp_path):
    run, asked = make_run(n_samples=10, layers=2), []

    class Counted(type(run)):
        @property
        def table(self):
            asked.append("table")
            return run.table

        @table.setter
        def table(self, _):
            pass

    report(Counted(**vars(run)), tmp_path / "page.html")
    assert asked == ["table"]


def test_a_folder_that_is_missing_is_one_line_and_leaves_nothing(make_run, tmp_path):
    out = tmp_path / "missing" / "page.html"
    message = f"cannot write {out}: No such file or directory; give a path in a folder that can be written."
    with pytest.raises(FileProblem, match=f"^{re.escape(message)}$"):
        report(make_run(n_samples=10, layers=2), out)


def test_importing_reports_loads_nothing_heavy():
    code = (
        "import sys, layerscape.reports;"
        "print(*sorted({'pandas', 'jinja2', 'vl_convert', 'PIL', 'torch', 'zarr', 'pyarrow'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def opened(path, tmp_path, link=""):
    """The page as Chromium has built it, and what it wrote to its console."""
    if CHROMIUM is None:
        pytest.skip("no chromium on the path; install it to open the page")
    options = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    options += " --disable-component-update --disable-sync --disable-quic --enable-logging=stderr --v=0"
    command = [CHROMIUM, *options.split(), f"--user-data-dir={tmp_path / 'browser'}", "--window-size=1280,4000"]
    command += ["--virtual-time-budget=8000", "--dump-dom", f"{path.as_uri()}{link}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return Page(done.stdout), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def count(page, tag, **wanted):
    return sum(tag == t and all(a.get(k.rstrip("_")) == v for k, v in wanted.items()) for t, a in page.elements)


@pytest.mark.more
def test_all_charts_and_the_strip_are_drawn_without_a_complaint(make_run, tmp_path):
    run = make_run(n_samples=60, layers=5, dead="stage 2")
    untrained = make_run(n_samples=60, layers=5, trained=False, name="untrained")
    path = report(run, baseline=untrained)
    page, console = opened(path, tmp_path, "#sample=digits%2F00007.png&order=changed&label=writer")
    assert console == []
    assert sum(attributes.get("data-drawn") == "yes" for _, attributes in page.elements) == 9
    assert count(page, "svg", class_="marks") == 9
    assert count(page, "th", scope="row") == 5
    assert sum(attributes.get("class", "").startswith("card ") for _, attributes in page.elements) == 50
    words = " ".join(page.words)
    assert "digits/00007.png" in words
    assert "of 60" in words


@pytest.mark.more
def test_hostile_texts_do_nothing_in_a_browser(make_run, tmp_path):
    run = make_run("text", n_samples=30, layers=3)
    run.table = run.table.replace({"layer": {"stage 1": "<img src=x onerror=alert(8)>"}})
    run.layers = ("input", "<img src=x onerror=alert(8)>", "stage 2")
    run.vectors = dict(zip(run.layers, run.vectors.values(), strict=True))
    page, console = opened(report(run), tmp_path)
    assert console == []
    assert count(page, "img", src="x") == 0
    assert len(page.scripts) == N_SCRIPTS
    assert "<script>alert(1)</script>" in " ".join(page.words)


STEPS = """
const log = [], press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
const picked = () => document.querySelector(".picked h3").textContent;
const choose = (label, value) => {
  const labels = [...document.querySelectorAll(".tools label")];
  const field = labels.find((each) => each.textContent.startsWith(label)).lastChild;
  field.value = value;
  field.dispatchEvent(new Event(field.tagName === "SELECT" ? "change" : "input"));
};
document.getElementById("strip").scrollIntoView(); // arrows are its own where it is seen and nothing has the focus
const first = picked();
press("ArrowRight"); const second = picked(); press("ArrowLeft");
log.push(second !== first && picked() === first);
press("ArrowLeft"); press("ArrowRight"); log.push(picked() === first);
choose("List", "changed"); const most = document.querySelector(".picked .says").textContent;
choose("List", "stable"); const least = document.querySelector(".picked .says").textContent;
const kept = (words) => Number(words.match(/keeps ([\\d.]+) of/)[1]);
log.push(kept(most) < kept(least));
choose("Find", "00011"); log.push(document.querySelectorAll(".gallery button").length === 1);
document.querySelector(".gallery button").click(); log.push(picked() === "digits/00011.png");
log.push(location.hash === "#sample=digits%2F00011.png&order=stable&label=digit");
choose("Find", ""); document.querySelector("button.card").click(); log.push(picked() !== "digits/00011.png");
document.querySelector("#rows").open = true;
await new Promise((done) => setTimeout(done, 500));
log.push(document.querySelectorAll("#rows tbody tr").length === ROWS);
log.push(document.querySelector("#csv").href.startsWith("blob:"));
document.title = log.join(" ");
"""


@pytest.mark.more
def test_keys_lists_search_links_and_the_table_work(make_run, tmp_path):
    run = make_run(n_samples=40, layers=4)
    path = report(run)
    html = re.sub(r"<meta http-equiv[^>]*>", "", path.read_text("utf-8"))
    steps = STEPS.replace("ROWS", str(len(run.table)))
    before, end, after = html.rpartition("</body>")
    path.write_text(f'{before}<script type="module">{steps}</script>{end}{after}', "utf-8")
    page, console = opened(path, tmp_path)
    assert console == []
    assert re.search("<title>(.*?)</title>", page.html)[1] == " ".join(["true"] * 9)


def test_the_page_of_a_temporary_run_stays_and_a_notebook_shows_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = ls.from_arrays({"a": np.random.default_rng(0).standard_normal((60, 3))})
    ls.measure(run, ["twonn"])
    page = ls.report(run)
    assert page == Path(f"{run.name}.html")
    del run
    assert page.read_text().startswith("<!doctype html>")
    assert f'<iframe src="{page.name}"' in page._repr_html_()
    kept = ls.from_arrays({"a": np.random.default_rng(0).standard_normal((60, 3))}, out="a & b")
    ls.measure(kept, ["twonn"])
    assert 'src="a%20%26%20b/report.html"' in ls.report(kept)._repr_html_()
    assert "a &amp; b/report.html</a>" in ls.report(kept)._repr_html_()


def test_the_page_says_who_belongs_together(rng, tmp_path):
    codes = np.repeat(np.arange(12), 5)
    layers = {name: rng.standard_normal((12, 3))[codes] + rng.standard_normal((60, 3)) for name in ("a", "b")}
    run = ls.from_arrays(layers, labels={"subject": codes})
    ls.measure(run, ["overlap"], k=5)
    assert "60, taken to be independent of each other" in "".join(read(report(run, tmp_path / "page.html")).words)
    ls.measure(run, ["overlap"], k=5, groups="subject")
    assert "60, of 12 groups of 'subject'" in "".join(read(report(run, tmp_path / "page.html")).words)


def test_what_speaks_against_independent_samples_is_said_once_unless_groups_were_given(make_run, tmp_path):
    run = make_run(n_samples=30, layers=3)
    run.notes = ("the column 'ward' asks for groups",)
    said = report(run, tmp_path / "page.html").read_text()
    assert said.count("the column &#39;ward&#39; asks for groups") == 1
    run.table = run.table.assign(groups="5 groups of 'ward'")
    assert "asks for groups" not in report(run, tmp_path / "page.html").read_text()


def test_the_title_is_the_model_and_its_data_and_else_the_name_of_the_run(make_run, tmp_path):
    run = make_run(n_samples=40, layers=2)
    html = report(run, tmp_path / "page.html", n_queries=5).read_text("utf-8")
    data = Path(str(run.record.get("source") or run.record["inputs"]["source"])).name
    assert f"<h1>residual-digits on {data}</h1>" in html
    run.record = {**run.record, "model": None}
    assert f"<h1>{run.name}</h1>" in report(run, tmp_path / "other.html", n_queries=5).read_text("utf-8")
    run.temporary = True  # its folder is called layerscape-73bv2oah
    unnamed = report(run, tmp_path / "other.html", n_queries=5).read_text("utf-8")
    assert f"<h1>{len(run.layers)} layers of 40 samples</h1>" in unnamed
    assert "<dt>run</dt>" not in unnamed


def test_the_head_says_what_was_looked_at_and_the_end_how_it_came_to_be(make_run, tmp_path):
    run = make_run(n_samples=40, layers=2)
    html = report(run, tmp_path / "page.html", n_queries=5).read_text("utf-8")
    head, end = (re.findall(r"<dt>(\w+)</dt>", part) for part in re.split('<section id="reproduce"', html))
    assert head == ["model", "data", "samples", "layers", "pooling"]
    assert end[:2] == ["run", "finished"]


def test_labels_beyond_three_are_folded_away_so_that_the_first_chart_is_seen(make_run, tmp_path):
    run = make_run(n_samples=40, layers=2)
    own = run.table[run.table["measure"] == "label_overlap"]
    more = [own.assign(label=f"label {n}") for n in range(4)]
    run.table = pd.concat([run.table[run.table["measure"] != "label_overlap"], *more], ignore_index=True)
    text = report(run, tmp_path / "page.html", n_queries=5).read_text("utf-8")
    at_once, further = text.split('<details class="further"><summary>1 more label</summary>')
    assert [n for n in range(4) if f"label {n}&#39;" in at_once.split('id="findings"')[1]] == [0, 1, 2]
    assert "label 3&#39;" in further.split("</details>")[0]
    run.table = run.table[run.table["label"] != "label 3"]
    assert 'class="further"' not in report(run, tmp_path / "few.html", n_queries=5).read_text("utf-8")


def test_the_page_says_in_one_line_by_what_axes_are_known():
    units = {"embedding": "places", "block_1": "growth", "block_2": "growth", "head": "user"}
    proofs = {"twice": {"head": 0.0}, "batch": {"head": 1e-7}, "axes": [], "cures": []}
    plain = "the same batch twice differs by 0, a sample alone by 1e-07"
    assert _proven(proofs) == plain  # a run of an earlier version
    said = (
        "by what a change at one place reaches in 1 layer, by what grows with the sample in 2 layers, "
        "by the user in 1 layer"
    )
    told = {layer: {"units": [2], "by": by} for layer, by in units.items()}
    assert _proven(proofs | {"units": told}) == f"{plain}; axes told {said}"
