from __future__ import annotations

import re
import weakref
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layerscape.core.samples import Samples
from layerscape.errors import InvalidValue
from layerscape.extraction import batches, open_model
from layerscape.extraction.batches import TOKENS, batches_of, compose, limits
from layerscape.extraction.custom import Custom


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


def test_batches_on_a_cpu_are_as_small_as_is_fast():
    assert limits(None, 0, on_cpu=True) == {"tokens": 1024}
    assert limits(None, 197, on_cpu=True) == {"samples": 5}
    assert limits(None, None, on_cpu=True, n_values=28 * 28) == {"samples": 64}
    assert limits(None, None, on_cpu=True, n_values=3 * 4096**2) == {"samples": 4}
    assert limits(7, None, on_cpu=True, n_values=3 * 4096**2) == {"samples": 7}


def test_pictures_are_read_in_threads_and_only_what_the_network_takes_is_kept(folders, some_samples):
    network = open_model(folders("vit"), device="cpu")
    reader, samples = network._reader, some_samples("image", 30)
    together = reader._made(samples.read(range(30)))
    found = list(batches_of(reader, samples, range(30), {"samples": 8}))
    assert [list(batch) for batch, _ in found] == [list(range(start, min(30, start + 8))) for start in range(0, 30, 8)]
    for batch, encoded in found:
        assert not any(isinstance(one.content, np.ndarray) for one in encoded)
        inputs, _ = reader.batch(encoded)
        assert torch.equal(inputs.kwargs["pixel_values"], together["pixel_values"][list(batch)])


def test_small_pictures_share_a_call_of_the_processor_and_large_ones_have_one_each(folders, monkeypatch):
    monkeypatch.setattr(batches, "TOGETHER_BYTES", 10_000)
    reader = open_model(folders("vit"), device="cpu")._reader
    plain, sizes = reader._processor, []
    assert reader.by_itself

    def counting(images, **how):
        sizes.append(len(images))
        return plain(images=images, **how)

    reader._processor = counting
    rng = np.random.default_rng(0)
    sides = [20] * 7 + [90] + [100] * 3 + [20] * 2
    pictures = [rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in sides]
    samples = Samples(tuple(map(str, range(13))), "image", lambda rows: [pictures[row] for row in rows], "0")
    found = list(batches_of(reader, samples, range(13), {"samples": 13}))
    # 7 small ones fill not quite 10,000 bytes, and the eighth of a chunk comes with them; 30,000 bytes are alone.
    assert sorted(sizes) == [1, 1, 1, 2, 8]
    reader._processor = plain
    alone = torch.cat([reader._made([picture])["pixel_values"] for picture in pictures])
    inputs, _ = reader.batch(found[0][1])
    assert torch.equal(inputs.kwargs["pixel_values"], alone)


def test_pictures_that_are_padded_to_each_other_stay_together(folders, some_samples):
    reader = open_model(folders("vit"), device="cpu")._reader
    plain = reader._processor

    class Padding:
        def __call__(self, images, **how):
            made, tallest = plain(images=images, **how), max(image.height for image in images)
            return {"pixel_values": torch.nn.functional.pad(made["pixel_values"], (0, 0, 0, tallest % 7))}

    reader._processor = Padding()
    encoded = reader.encode(some_samples("image", 3).read(range(3)), ["a", "b", "c"])
    assert all(isinstance(one.content, np.ndarray) for one in encoded)
    assert reader.batch(encoded)[0].kwargs["pixel_values"].shape[0] == 3


@pytest.mark.parametrize("one_length", [False, True])
def test_pictures_for_a_function_of_the_users_fill_no_more_than_a_part_of_memory(monkeypatch, one_length):
    monkeypatch.setattr(batches, "DECODED", 4 * 1000)
    sizes = [100, 600, 600, 100, 100, 3000, 10, 10, 10, 10]
    pictures = [np.full((1, size), number, dtype=np.uint8) for number, size in enumerate(sizes)]
    alive, most = Counter(), []

    def read(rows):
        found = [pictures[row].copy() for row in rows]
        for picture in found:
            alive["bytes"] += picture.nbytes
            weakref.finalize(picture, lambda n=picture.nbytes: alive.subtract({"bytes": n}))
        most.append(alive["bytes"])
        return found

    samples = Samples(tuple(map(str, range(10))), "image", read, fingerprint="0")
    reader = Custom(lambda contents: torch.tensor([[float(each.mean())] for each in contents]), "image")
    got = []
    for batch, encoded in batches_of(reader, samples, range(10), {"samples": 8}, one_length=one_length):
        assert [one.content[0, 0] for one in encoded] == list(batch)
        got.append(list(batch))
        del encoded
    # 700 bytes and 600 more would be too many; the large one is alone; and no batch has more than eight samples.
    assert got == [[0, 1], [2, 3, 4], [5], [6, 7], [8, 9]]
    assert max(most) < sum(sizes)
