"""Progress counts what is done from what more is done, and reaches whoever watches."""

import io
import logging
import re
import sys
import types

import pytest

import layerscape as ls
from layerscape.core import progress
from layerscape.core.progress import bars, counted, in_notebook, shown
from layerscape.errors import InvalidType

OTHERS = {"estimating", "the page, layer by layer", "comparing steps"}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def watched(monkeypatch):
    """A terminal as standard error; not a fixture, since pytest sets that between fixtures and test."""
    monkeypatch.setattr(progress, "QUIET", 0)
    monkeypatch.setattr(sys, "stderr", Terminal())
    return sys.stderr


@pytest.fixture
def run(rng):
    x = rng.standard_normal((60, 4))
    return ls.from_arrays({"a": x, "b": x**3}, labels={"side": x[:, 0] > 0})


def calls(run, **more):
    """Every function that shows how far it is, but for `extract`, which goes the same way."""
    ls.measure(run, ["twonn", "overlap"], k=5, **more)
    ls.compare(run, run, ["overlap"], k=5, **more)
    ls.differences(run, k=5, **more)
    ls.recommend(run, k=5, permutations=19, **more)
    ls.from_arrays(dict(run)).search(5, **more)
    ls.from_arrays(dict(run)).graph("a", 5, **more)
    ls.controls("twonn", run["a"], **more)
    ls.dimension_report(run["a"], controls=(), **more)
    ls.report(run, run.path / "page.html", n_queries=5, **more)
    ls.measure(ls.series({0: run, 1: ls.from_arrays(dict(run))}), ["twonn", "overlap"], k=5, save=False, **more)


def test_every_call_tells_how_many_are_done_in_all():
    told = []
    tell = counted(lambda *said: told.append(said), "searching", 10)
    for more in (3, 0, 7):
        tell(more)
    assert told == [("searching", 3, 10), ("searching", 3, 10), ("searching", 10, 10)]


def test_two_counts_of_one_progress_do_not_mix():
    told = []
    one, two = (counted(lambda *said: told.append(said), what, 2) for what in ("a", "b"))
    one(1)
    two(2)
    one(1)
    assert told == [("a", 1, 2), ("b", 2, 2), ("a", 2, 2)]


def test_without_anybody_to_tell_there_is_nothing_to_call():
    assert counted(None, "searching", 10) is None
    assert counted(False, "searching", 10) is None


def test_a_terminal_sees_a_bar_per_stage(monkeypatch, run):
    terminal = watched(monkeypatch)
    calls(run)
    text = terminal.getvalue()
    for stage in ("measuring", "comparing", "testing", "judging"):
        assert len(re.findall(rf"{stage}: 100%", text)) >= 1
    assert "120/120" in text  # two layers of 60 samples were searched


def test_what_is_quick_shows_no_bar(monkeypatch, run):
    terminal = watched(monkeypatch)
    monkeypatch.setattr(progress, "QUIET", 1000)
    calls(run)
    assert terminal.getvalue() == ""


def test_nothing_is_shown_where_nobody_watches_or_it_is_told_so(run, monkeypatch):
    terminal = watched(monkeypatch)
    calls(run, progress=False)
    assert terminal.getvalue() == ""
    told = []
    calls(run, progress=lambda *said: told.append(said))
    assert {what for what, *_ in told} == {"searching", "measuring", "comparing", "testing", "judging", *OTHERS}
    assert terminal.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    calls(run)
    assert sys.stderr.getvalue() == ""
    ls.measure(run, ["twonn"], progress=True)
    assert "measuring: 100%" in sys.stderr.getvalue()
    with pytest.raises(InvalidType, match=r"^progress=3; give a function of \(what, done, total\), or True, False or"):
        ls.measure(run, ["twonn"], progress=3)


def test_a_search_tells_of_all_samples_of_all_layers(run):
    told = []
    run.search(5, layers="a", progress=lambda *said: told.append(said))
    run.search(5, progress=lambda *said: told.append(said))
    assert told[0] == ("searching", 0, 60)
    assert told[-1] == ("searching", 120, 120)
    assert ("searching", 60, 120) in told  # the layer that was there
    told.clear()
    ls.controls("gride", run["a"], kinds="columns", progress=lambda *said: told.append(said))
    assert told == [("estimating", done, 2) for done in (0, 1, 1, 2)]


def test_a_log_gets_a_line_now_and_then(caplog, monkeypatch, run):
    caplog.set_level(logging.INFO, "layerscape")
    calls(run)
    assert caplog.messages == []
    monkeypatch.setattr(progress, "BETWEEN", 0)
    ls.measure(run, ["twonn"])
    assert caplog.messages[-1] == "measuring: 2 of 2 (100 %)"


def test_a_notebook_is_told_from_a_terminal(monkeypatch):
    watched(monkeypatch)
    assert not in_notebook()
    for name, is_one in (("ZMQInteractiveShell", True), ("TerminalInteractiveShell", False), ("NoneType", False)):
        shell = None if name == "NoneType" else type(name, (), {})()
        monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert in_notebook() is is_one
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(progress, "find_spec", lambda _: None)  # widgets are not installed: a bar of text
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with shown(None) as tell:
        tell("searching", 1, 2)
    assert "searching:  50%" in sys.stderr.getvalue()


def test_a_stage_that_begins_again_has_a_bar_of_its_own(monkeypatch):
    terminal = watched(monkeypatch)
    with bars() as tell:
        for _ in range(2):
            tell("searching", 0, 4)
            tell("searching", 4, 4)
            tell("measuring", 2, 2)
        tell("measuring", 3, 3)
    text = terminal.getvalue()
    assert text.count("searching: 100%") == 2
    assert "2/2" in text
    assert "3/3" in text
