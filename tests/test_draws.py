"""What the long counts of the benchmarks draw: kept as it comes, gone on with where it ended, judged by exact bands."""

from argparse import Namespace

import numpy as np
import pytest

from benchmarks.draws import Part, arguments, draw, ends, outside, read
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
            once, twice = (read(tmp_path / where, "numbers", law, n) for where in ("once", "twice"))
            np.testing.assert_array_equal(once["one"], twice["one"])
            assert once["one"].shape == (8, 2)
            assert len(once["other"]) < 8  # without those that are not finite
    assert not np.isin(read(tmp_path / "once", "numbers", "a", 3)["one"], twice["one"]).any()


def test_nothing_is_drawn_after_the_time_or_that_was_not_asked_for(tmp_path):
    draw(PARTS, asked(tmp_path, 8, minutes=-1))
    assert read(tmp_path, "numbers", "a", 3) == {}
    draw(PARTS, asked(tmp_path, 2, laws="b", sizes="3"))
    assert [path.name for path in tmp_path.iterdir() if path.read_text()] == ["numbers, b, 3.jsonl"]
    assert [Part(numbers, "a").draws(n) for n in (600, 601)] == [2000, 1000]
    assert Part(numbers, "a", most=400).draws(2000) == 400


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
