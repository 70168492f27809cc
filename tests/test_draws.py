"""What the long counts of the benchmarks draw: kept as it comes, gone on with where it ended, judged by exact bands."""

from argparse import Namespace

import numpy as np
import pytest

from benchmarks import counted, draws
from benchmarks.counted import Counted, count
from benchmarks.draws import Part, arguments, draw, ends, kept, outside, read
from benchmarks.laws import GROUPED, INDEPENDENT, cloud, groups, layer


def asked(folder, draws, **others):
    given = {"parts": "numbers", "laws": "", "sizes": "", "minutes": 9, "keep": folder, "draws": draws}
    return Namespace(**{**given, **others})


def numbers(law, n, rng):
    return {"one": (rng.random(), float(n)), "other": (np.nan if rng.random() < 0.5 else 1.0,)}


PARTS = {"numbers": Part(numbers, ("a", "b"), (3, 5))}


def test_a_count_goes_on_where_it_ended_and_draws_the_same(tmp_path):
    draw(PARTS, asked(tmp_path / "once", 8))
    draw(PARTS, asked(tmp_path / "twice", 3, sizes="5"))
    (lines,) = (tmp_path / "twice").glob("*a, 5*")
    lines.write_text(lines.read_text() + '{"one": [0.1, ')  # interrupted
    draw(PARTS, asked(tmp_path / "twice", 8))
    for law in "ab":
        for n in (3, 5):
            once, twice = (read(kept(tmp_path / where, "numbers", law, n)) for where in ("once", "twice"))
            np.testing.assert_array_equal(once["one"], twice["one"])
            assert once["one"].shape == (8, 2)
            assert len(once["other"]) < 8  # without those that are not finite
    some, others = (read(kept(tmp_path / "once", "numbers", law, n))["one"] for law, n in (("a", 3), ("b", 5)))
    assert not np.isin(some, others).any()


def test_nothing_is_drawn_after_the_time_or_that_was_not_asked_for(tmp_path):
    draw(PARTS, asked(tmp_path, 8, minutes=-1))
    assert read(kept(tmp_path, "numbers", "a", 3)) == {}
    draw(PARTS, asked(tmp_path, 2, laws="b", sizes="3"))
    assert [path.name for path in tmp_path.iterdir() if path.read_text()] == ["numbers, b, 3.jsonl"]
    assert [Part(numbers, "a").draws(n) for n in (600, 601)] == [2000, 1000]
    assert Part(numbers, "a", most=400).draws(2000) == 400


@pytest.fixture
def counting(tmp_path, monkeypatch):
    """Counts of a study of mean and spread, written into a folder of its own; batches of four draws or more."""
    monkeypatch.setattr(counted, "FOLDER", tmp_path / "counted")
    for module in (counted, draws):
        monkeypatch.setattr(module, "FEWEST", 4)
    parts = {"numbers": Part(numbers, ("a",), (3,), most=10, means=lambda rows: (rows[:, 0].mean(),))}

    def run(words):
        monkeypatch.setattr("sys.argv", ["study", "--keep", str(tmp_path / "keep"), *words.split()])
        return count("study", parts).of("numbers", "a", 3)

    return run


def test_what_is_counted_goes_on_on_another_machine(counting, tmp_path):
    every = counting("")["one"]  # on one machine, at once, and written nowhere
    for path in (tmp_path / "keep").iterdir():
        path.unlink()
    assert counting("--draws 5")["one"][0] == 5
    assert Counted("study", {}).cells == {}
    assert counting("--report --write")["one"][0] == 5
    assert list((tmp_path / "keep").iterdir()) == []  # as on a new one
    assert counting("--report")["one"][0] == 5
    assert counting("--write")["one"] == pytest.approx(every)
    assert counting("--write")["one"][0] == 10


def test_draws_are_counted_once_and_where_they_are_enough(counting, tmp_path):
    counting("--draws 4")
    again = {path: path.read_text() for path in (tmp_path / "keep").iterdir()}
    counting("--report --write")
    for path, text in again.items():
        path.write_text(text)  # as after a kill between writing and deleting
    assert counting("--report --write")["one"][0] == 4
    (tmp_path / "keep" / "numbers, a, 3, from 4.jsonl").write_text('{"one": [0.5, 3.0]}\n' * 3)
    assert counting("--report --write")["one"][0] == 4
    assert counting("--draws 5")["one"][0] == 8  # four at least


@pytest.mark.parametrize(
    ("words", "said"), [("--minute 5 --lwas a", "--lwas a"), ("--parts number", "no part is called 'number'")]
)
def test_what_is_misspelled_draws_nothing(words, said, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["coverage", *words.split()])
    with pytest.raises(SystemExit):
        arguments(PARTS)
    assert said in capsys.readouterr().err


def test_a_share_misses_its_band_where_its_exact_interval_does():
    assert ends(0, 20) == pytest.approx((0, 1 - 0.005 ** (1 / 20)))
    assert ends(20, 20) == pytest.approx((0.005 ** (1 / 20), 1))
    assert not outside(95, 100, (0.93, 0.97))
    assert outside(70, 100, (0.93, 0.97))
    assert outside(2000, 2000, (0.93, 0.97))


@pytest.mark.parametrize("n", [100, 300])
def test_laws_are_of_the_sizes_that_they_say(n, rng):
    assert {cloud(law, n, rng).shape for law in INDEPENDENT} == {(n, d) for d in (2, 5, 10)}
    for law in GROUPED:
        codes = groups(law, n)
        assert 0.85 * n <= len(codes) <= n
        sizes = np.bincount(codes)
        assert sizes.tolist() == sorted(sizes)
        assert layer(law, codes, rng).shape == (len(codes), 5)
    assert len(set(np.bincount(groups("groups of 2 to many", n)))) > 5
