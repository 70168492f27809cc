"""The pages that are made from the code: each measure, protocol, command and name has its place, with nothing built."""

import doctest
import inspect
import re

import pytest

import layerscape as ls
from layerscape.cli import HOMES
from layerscape.measures import catalog
from layerscape.pipeline.protocols import PROTOCOLS
from tools.docs import copied, marking, measures, written

FEW = (
    "twonn",
    "bid",
    "information_imbalance",
    "linear_probe",
    "recall",
    "angular_distance",
)  # of each kind of data


def test_the_list_of_measures_leads_to_each_and_says_what_it_is():
    text = measures.index()
    for name, measure in catalog().items():
        assert f"]({name}.md)" in text
        assert measure.says.rstrip(".").replace("|", r"\|") in text
        assert re.search(rf"^{name}$", text, re.MULTILINE)  # in a tree of contents
    assert text.count("?\n\n| measure") == len({measures.asked(each) for each in catalog().values()}) == 5


@pytest.mark.parametrize("name", FEW)
def test_a_page_holds_the_facts_of_its_measure(name):
    measure, text = catalog()[name], measures.page(catalog()[name])
    assert text.startswith(f"# {measure.title}\n\n*{measures.asked(measure)}* {measure.says}")
    for words in (measure.unit, f"layerscape estimate {name} x.npy", f'ls.estimate("{name}", x', f".{name}.{name}\n"):
        assert words in text
    assert re.search(r"it says \*\*-?\d.*\]\*\*", text)
    assert ("unrelated data give" in text) == measure.has_chance


def test_what_a_measure_cannot_say_stands_on_its_page_with_the_reason():
    measure = catalog()["pca"]
    assert isinstance(measure.influence, str)
    assert f"| **which samples move it** | not known: {measure.influence} |" in measures.page(measure)


def test_facts_are_in_words():
    text = measures.page(catalog()["cka"])
    assert "| **reads** | the vectors, of two layers |" in text
    assert "| **range** | −1…1 |" in text
    assert "| **changed by** | any invertible linear map |" in text


def test_every_measure_has_data_of_its_example():
    for measure in catalog().values():
        given, names, files = measures.arguments(measure)
        assert len(given) == len(names) == len(measure.data) <= len(files)


def test_protocols_commands_and_names_have_each_a_section():
    for name, protocol in PROTOCOLS.items():
        assert f"\n## {name}\n" in written.protocols()
        assert protocol.data.split(":")[0] in written.protocols()
    for name in HOMES:
        assert f":prog: layerscape {name}\n" in written.commands()
    for name in set(ls.__all__) - {"__version__"}:
        assert f"\n### {name}\n" in written.python()


def test_what_protocols_draw_is_what_they_do():
    text = written.protocols()
    assert "of 90,000 4 random subsets of 2,812 and of 5,000 4 random subsets of 156" in text
    assert "5 disjoint subsets of 18,000" in text


@pytest.mark.parametrize("module", [copied, marking], ids=["copied", "marking"])
def test_examples_of_docstrings_run(module):
    assert doctest.testmod(module).failed == 0
    assert inspect.getdoc(module)


def test_links_lead_to_pages_and_files_of_the_site(tmp_path):
    copied.copy_pages(tmp_path)
    page = (tmp_path / "comparison.md").read_text()
    assert "](results.md)" in page
    assert "](files/benchmarks/unrelated.py)" in page
    assert (tmp_path / "files/benchmarks/unrelated.py").is_file()
    assert "](exact-search.md)" in (tmp_path / "checked.md").read_text()
    assert not (tmp_path / "search.md").exists()  # it would stand where Sphinx writes its own
