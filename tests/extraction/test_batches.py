from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.errors import InvalidValue
from layerscape.extraction.batches import TOKENS, compose, limits


@given(
    lengths=st.lists(st.integers(1, 3000), max_size=60),
    rule=st.one_of(
        st.builds(lambda n: {"samples": n}, st.integers(1, 9)), st.builds(lambda n: {"tokens": n}, st.integers(1, 9000))
    ),
)
def test_every_sample_is_in_one_batch_within_the_rule(lengths, rule):
    batches = compose(lengths, rule)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        width = max(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * width <= rule.get("tokens", 10**9)
        assert len(batch) <= rule.get("samples", 10**9)
    in_order = [lengths[i] for batch in batches for i in batch]
    assert in_order == sorted(lengths, reverse=True)


def test_the_default_counts_positions_where_there_are_any():
    assert limits(None, 0) == {"tokens": TOKENS}
    assert limits(None, 197) == {"samples": TOKENS // 197}
    assert limits(None, 10 * TOKENS) == {"samples": 1}
    assert limits(None, None) == {"samples": 64}


def test_a_batch_holds_at_least_one_sample():
    with pytest.raises(InvalidValue, match=re.escape("a batch of 0 samples; --batch-size must be 1 or more.")):
        limits(0, None)
