"""One ranking over the layers of several runs: what is named, what is told apart, and what is refused."""

import json
import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.cli import main
from layerscape.errors import InvalidValue
from layerscape.questions.judged import names_of

N = 240
DIGIT = np.arange(N) % 4
HOW = {"k": 10, "permutations": 19}


def layers_of(signal, seed):
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(99).standard_normal((4, 6))
    return {f"l{i}": s * centers[DIGIT] + rng.standard_normal((N, 6)) for i, s in enumerate(signal)}


def run_of(signal, seed=0, **more):
    labels = more.pop("labels", {"digit": DIGIT})
    return ls.from_arrays(layers_of(signal, seed), **{"labels": labels, "ids": range(N)} | more)


def test_the_best_layer_of_all_runs_is_named_with_its_run(tmp_path):
    a, b = run_of([0.5, 1.5, 0.6], out=tmp_path / "a"), run_of([0.4, 0.5, 0.3], 1, out=tmp_path / "b")
    found = ls.recommend(b, a, **HOW)
    assert (found.layer, found.run) == ("l1", a)
    assert found.reason.startswith(
        "Use 'a/l1', judged by label overlap: its 10 nearest neighbors are most alike in 'digit'."
    )
    assert "The last layer, 'a/l2', is 0." in found.reason
    assert found.reason.endswith(" Every layer of 'b' is behind it.")
    assert found.table.run.value_counts().to_dict() == {"a": 3, "b": 3}
    alone = ls.recommend(a, **HOW).table.set_index("layer").value
    together = found.table[found.table.run == "a"].set_index("layer").value
    assert together.to_dict() == alone.to_dict()
    assert "run" not in ls.recommend(a, **HOW).table
    assert b.recommendation is None
    assert found.sure == 1


def test_a_layer_is_not_named_where_the_last_of_another_run_is_as_good():
    found = ls.recommend(run_of([0.3, 1.5, 0.3]), run_of([0.3, 0.3, 1.5], 1), **HOW)
    assert (found.layer, found.run) == (None, None)
    assert set(found.equals) == {"run 1/l1", "run 2/l2"}
    if found.equals[0] == "run 1/l1":
        assert "No layer is told apart from the last layer, 'run 2/l2', which one would take" in found.reason
        assert re.search(
            r"(About|Even) \d.* times as many labels would (hardly )?tell 'run 2/l2' from it", found.reason
        )
    else:  # itself the last of its run, and the other run's last is behind: it is told apart from its own middle
        raise AssertionError(found.reason)


def test_the_last_layer_of_another_run_need_not_be_its_worst():
    a, b = run_of([0.3, 1.5, 0.3]), run_of([1.5, 0.3, 0.3], 1)
    found = ls.recommend(a, b, **HOW)
    assert found.layer in ("l0", "l1")
    assert len(found.equals) == 1
    assert re.search(r"The last layer of 'run [12]' is behind it\.$", found.reason)


def test_samples_are_matched_by_id_and_only_those_that_all_have_count():
    rng = np.random.default_rng(0)
    order, ids = rng.permutation(N)[: N - 40], np.array([f"s{row}" for row in range(N)])
    a, b = layers_of([0.3, 1.5], 0), layers_of([0.3, 0.5], 1)
    whole = ls.from_arrays(a, ids=ids, labels={"digit": DIGIT})
    some = ls.from_arrays({name: x[order] for name, x in b.items()}, ids=ids[order])
    with pytest.warns(UserWarning, match=r"^200 samples are in both runs; 40 of 'layerscape-.*' and 0 of "):
        found = ls.recommend(whole, some, **HOW)
    rows = np.sort(order)
    alone = ls.recommend(ls.from_arrays({n: x[rows] for n, x in a.items()}, labels={"digit": DIGIT[rows]}), **HOW)
    own = found.table[found.table.run == "run 1"].set_index("layer").value
    assert own.to_dict() == pytest.approx(alone.table.set_index("layer").value.to_dict())
    pairs = {f"s{row}": f"s{row + 4}" for row in rows[:100] if row + 4 in set(rows.tolist())}
    with pytest.warns(UserWarning, match="200 samples are in both runs"):
        assert ls.recommend(whole, some, pairs=pairs, permutations=19).table is not None
    missing = f"s{np.setdiff1d(np.arange(N), order)[0]}"
    with (
        pytest.warns(UserWarning, match="200"),
        pytest.raises(InvalidValue, match="sample that what the runs share ha"),
    ):
        ls.recommend(whole, some, pairs=[(missing, f"s{order[0]}")])


def test_runs_of_other_samples_labels_or_the_same_are_refused():
    a = run_of([1, 1])
    other = ls.from_arrays(layers_of([1, 1], 1), ids=[f"x{row}" for row in range(N)])
    with pytest.raises(InvalidValue, match=r"have no sample in common: ids like '0', '0' and 'x0'; extract all from"):
        ls.recommend(a, run_of([1], 2), other)
    turned = run_of([1, 1], 1, labels={"digit": np.roll(DIGIT, 1)})
    with pytest.raises(InvalidValue, match=r"have other values of 'digit' for 240 of 240 samples of the same ids, so"):
        ls.recommend(a, turned)
    words = run_of([1, 1], 1, labels={"digit": DIGIT.astype(str)})
    assert ls.recommend(a, words, **HOW).table is not None
    with pytest.raises(InvalidValue, match=r"is given twice; give each run once\.$"):
        ls.recommend(a, ls.open(a.path))


def test_names_tell_folders_of_one_name_apart(tmp_path):
    runs = [run_of([1], out=tmp_path / name) for name in ("one/run", "two/run", "three")]
    assert names_of(runs) == ["one/run", "two/run", f"{tmp_path.name}/three"]
    assert names_of([runs[0], run_of([1])]) == ["run", "run 2"]


def test_the_metric_leads_that_all_models_are_deployed_with(monkeypatch):
    a, b = run_of([0.3, 1.5, 0.3]), run_of([0.3, 0.4, 0.3], 1)
    deployed = {a.path: {"metric": "cosine", "because": "modules.json has Normalize"}}
    plain = type(a).record.fget
    monkeypatch.setattr(type(a), "record", property(lambda run: plain(run) | {"deployed": deployed.get(run.path)}))
    found = ls.recommend(a, b, **HOW).reason
    assert found.startswith(
        "The models are not deployed with one metric (run 1: cosine, run 2: none named). Use 'run 1/l1'"
    )
    deployed[b.path] = deployed[a.path]
    found = ls.recommend(a, b, **HOW).reason
    assert found.startswith(
        "By cosine, with which the models are deployed (modules.json has Normalize): Use 'run 1/l1'"
    )


def test_the_command_ranks_several_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_of([0.3, 1.5, 0.3], out="one/run")
    run_of([0.3, 0.4, 0.3], 1, out="two/run")
    assert main(["recommend", "two/run", "one/run", "--k", "10", "--permutations", "19", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["layer"], found["run"], found["runs"]) == ("l1", "one/run", ["two/run", "one/run"])
    assert [found["rows"][0][name] for name in ("run", "layer")] == ["one/run", "l1"]
    assert found["reason"].startswith("Use 'one/run/l1', ")
