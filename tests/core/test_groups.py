"""Who belongs together: what is refused, and blocks of whole groups."""

import numpy as np
import pytest

from layerscape.core.groups import BLOCKS, Groups
from layerscape.errors import InvalidType, InvalidValue, UnknownName


def test_groups_are_numbered_and_taken():
    groups = Groups.of(["x", "y", "x", "z", "z"], 5, "subject")
    assert groups.codes.tolist() == [0, 1, 0, 2, 2]
    assert groups.sizes.tolist() == [2, 1, 2]
    assert groups.words == "3 groups of 'subject'"
    some = groups.take(np.array([1, 3, 4]))
    assert some.codes.tolist() == [0, 1, 1]
    assert some.number == 2
    assert some.n_blocks == 3
    assert some.left_out().words == "2 groups of 'subject', own left out"


@pytest.mark.parametrize(
    ("labels", "kind", "words"),
    [
        (["a"] * 4, InvalidValue, "all 4 samples are of one group"),
        (list("abcd"), InvalidValue, "each of 4 samples is a group of its own; leave groups out"),
        (["a", "a", None, "b"], InvalidValue, "1 of 4 samples have no group"),
        (["a", "b"], InvalidValue, "groups of shape"),
        (np.array([0.5, 0.5, 1.5, 1.5]), InvalidType, "groups of real numbers"),
        ([{1}, {1}, {2}, {2}], InvalidType, "groups of sets"),
    ],
)
def test_what_makes_no_groups_is_refused(labels, kind, words):
    with pytest.raises(kind, match=words):
        Groups.of(labels, 4)


def test_own_group_is_one_of_two_words():
    with pytest.raises(UnknownName, match="own_group"):
        Groups.of([1, 1, 2], 3, own="out")


def test_many_groups_make_few_blocks_of_whole_groups_and_about_one_size(rng):
    codes = np.repeat(np.arange(300), rng.integers(1, 30, 300))
    groups = Groups.of(codes, len(codes))
    sizes = np.bincount(groups.blocks)
    assert groups.n_blocks == len(sizes) == BLOCKS
    assert sizes.max() < 1.05 * sizes.mean()
    assert all(len(set(groups.blocks[groups.codes == group])) == 1 for group in range(300))


@pytest.mark.parametrize(
    ("labels", "same"),
    [
        (np.array([1, 1, 2, 2]), True),
        (np.array([[1.0, 2.0], [1.0, 2.0], [3.0, 1.0], [3.0, 0.0]]), False),
        ([{"a"}, {"a"}, {"b", "a"}, {"a", "b"}], True),
        ([("a", "x"), ("a", "y"), ("b", "x"), ("b", "x")], False),
    ],
)
def test_labels_are_the_same_within_groups_or_not(labels, same):
    assert Groups.of([0, 0, 1, 1], 4).same_within(labels) is same


def test_paths_in_an_array_of_objects_are_compared_one_by_one():
    paths = np.empty(4, object)
    paths[:] = [("a", "b"), ("a", "b"), ("a", "c"), ("a", "c")]
    assert Groups.of([0, 0, 1, 1], 4).same_within(paths)
    assert not Groups.of([0, 1, 1, 0], 4).same_within(paths)
