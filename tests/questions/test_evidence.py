"""What layers hold of labels, and what the best of many holds by chance."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.exchange import whole_groups
from layerscape.core.groups import Groups
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task
from layerscape.measures import catalog
from layerscape.questions.evidence import evidence, judges
from layerscape.supply.grouped import Grouped
from layerscape.supply.supplier import Supplier

N = 400


def held(layers, classes, columns=1, by="label_overlap", **asked):
    options = catalog()[by].choose(asked or {"k": 10})
    tasks = [[Task(catalog()[by], options, name, label="class")] * columns for name in layers]
    supplier = Supplier(Arrays(layers, {"class": classes}), {})
    supplier.prepare([task for of_layer in tasks for task in of_layer], more=1)
    return evidence([(supplier, of_layer) for of_layer in tasks], 99, 0, lambda _: None)


def layers_of(noise):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, 5))
    classes = (x[:, 0] > 0) + 2 * (x[:, 1] > 0)
    return {f"l{number}": x + s * rng.standard_normal((N, 5)) for number, s in enumerate(noise)}, classes


def test_the_best_of_many_layers_is_higher_by_chance_than_one():
    layers, classes = layers_of((0, 3, 3, 3, 3, 3))
    one, many = held({"l0": layers["l0"]}, classes).null, held(layers, classes).null
    assert (many >= one).all()
    assert many.mean() > one.mean() + one.std() / 2
    assert abs(one.mean()) < 0.01


def test_values_are_above_chance_and_a_column_twice_is_that_column():
    layers, classes = layers_of((0, 3))
    one, two = held(layers, classes), held(layers, classes, columns=2)
    found = ls.estimate("label_overlap", layers["l1"], classes, k=10)
    np.testing.assert_allclose(one.values[1], (found.value - found.chance.value) / (1 - found.chance.value))
    np.testing.assert_allclose(one.values, two.values)
    np.testing.assert_allclose(one.null, two.null)
    np.testing.assert_allclose(one.per_sample.mean(axis=1), one.values)


def test_permuted_labels_give_what_measuring_them_gives():
    layers, classes = layers_of((0,))
    null = held(layers, classes).null
    rng = np.random.default_rng(0)
    for number in range(3):
        found = ls.estimate("label_overlap", layers["l0"], classes[rng.permutation(N)], k=10)
        np.testing.assert_allclose(null[number], (found.value - found.chance.value) / (1 - found.chance.value))


def test_whoever_reads_labels_with_an_influence_may_judge():
    assert set(judges()) == {"label_overlap", "knn_probe", "linear_probe"}


def test_a_probe_is_held_against_chance_as_permuted_labels_are_read():
    layers, _ = layers_of((0, 3))
    classes = np.random.default_rng(1).integers(0, 3, N)
    found, ridge = (
        held(layers, classes, by="linear_probe", method=method, permutations=99) for method in ("logistic", "ridge")
    )
    assert not np.allclose(found.values, ridge.values)
    np.testing.assert_allclose(found.null, ridge.null)
    np.testing.assert_allclose(found.scored, ridge.scored)
    np.testing.assert_allclose(ridge.scored, ridge.values)


@pytest.mark.parametrize("sizes", [[3] * 6 + [6, 9, 40], [4] * 9])
def test_a_number_of_groups_of_other_sizes_is_judged_on_the_samples_that_change_places(sizes):
    """By plain recomputation: the value of the samples that are kept, chance, permuted values, and a deletion."""
    rng, codes = np.random.default_rng(0), np.repeat(np.arange(9), sizes)
    number, n = rng.standard_normal(9)[codes], len(codes)
    x = np.c_[number + 0.3 * rng.standard_normal(n), rng.standard_normal(n)]
    groups, options = Groups.of(codes, n, "who", "kept"), {"k": 4, "kind": "real"}
    supplier = Grouped(Arrays({"x": x}, {"number": number}), {}, groups)
    task = Task(catalog()["label_overlap"], options, "x", label="number")
    supplier.prepare([task], more=1)
    found, exchange = evidence([(supplier, [task])], 19, 0, lambda _: None), whole_groups(groups)
    rows = np.arange(n) if exchange.rows is None else exchange.rows
    assert len(rows) < n / 1.5 or min(sizes) == max(sizes)

    def value(kept, order=slice(None)):
        return ls.estimate("label_overlap", x[kept], number[kept][order], **options).value

    chance = supplier.estimate(task).chance.value
    above = [(value(rows, order) - chance) / (1 - chance) for order in (slice(None), *exchange.orders(19, 0))]
    np.testing.assert_allclose([found.values[0], found.scored[0]], above[0])
    np.testing.assert_allclose(found.null, above[1:])
    assert abs(above[0] - (value(np.arange(n)) - chance) / (1 - chance)) > 0.02 or exchange.rows is None
    without = [(value(rows[codes[rows] != group]) - chance) / (1 - chance) for group in range(9)]
    np.testing.assert_allclose(found.moved(0).without, without)
    np.testing.assert_allclose(found.per_sample.mean(), above[0])
    assert [len(words) for words in found.cautions.values()] == [int(exchange.rows is not None)]
