"""Batches: which samples go through the network together. The bits of a result depend on it: it is part of the plan."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from layerscape.core.samples import Samples
from layerscape.core.threads import Room, ahead, thread_count
from layerscape.errors import InvalidValue
from layerscape.extraction.readers import Encoded, Reader

TOKENS = 8192  # positions per batch, padding included, unless the user says how many samples
SAMPLES = 64  # samples per batch at most, where they are of one size
# On a CPU what one layer hands to the next is to stay in its cache: ResNet-50 takes 1.6 times as long in batches of 32.
TOKENS_ON_CPU, VALUES_ON_CPU, LEAST_ON_CPU = 1024, 8 * 3 * 224 * 224, 4
DECODED = 2**28  # bytes of pictures that are held decoded at a time
CHUNK = 4  # pictures that are read together where those of a batch are wanted together
TOGETHER, TOGETHER_BYTES = 8, 2**22  # pictures that an image processor gets at a time, and their bytes


def limits(
    batch_size: int | None, positions: int | None, *, on_cpu: bool = False, n_values: int | None = None
) -> dict[str, int]:
    """The rule for batches: at most so many ``samples``, or so many ``tokens`` with padding.

    Parameters
    ----------
    batch_size
        What the user asked for.
    positions
        Tokens of every sample; 0 if they differ, None if there is no such thing.
    on_cpu
        Whether the network computes there, where small batches are faster.
    n_values
        Numbers in a sample, where all are of one size.

    >>> limits(None, 0, on_cpu=True), limits(None, None, on_cpu=True, n_values=3 * 224 * 224)
    ({'tokens': 1024}, {'samples': 8})
    >>> limits(None, 0), limits(None, 197), limits(16, 197)
    ({'tokens': 8192}, {'samples': 41}, {'samples': 16})
    """
    if batch_size is not None:
        if batch_size < 1:
            raise InvalidValue(f"a batch of {batch_size} samples; --batch-size must be 1 or more.")
        return {"samples": batch_size}
    tokens = TOKENS_ON_CPU if on_cpu else TOKENS
    if positions == 0:
        return {"tokens": tokens}
    if positions is not None:
        return {"samples": min(SAMPLES, max(1, tokens // positions))}
    fits = VALUES_ON_CPU // n_values if on_cpu and n_values else SAMPLES
    return {"samples": min(SAMPLES, max(LEAST_ON_CPU, fits))}


def compose(
    lengths: Sequence[int], rule: Mapping[str, int], kinds: Sequence[Hashable] | None = None
) -> list[list[int]]:
    """Positions of the samples in each batch, longest first, so that little is padded and too much fails at once.

    Only samples of one kind go together, where ``kinds`` says it of each.

    >>> compose([2, 9, 3, 9], {"samples": 2})
    [[1, 3], [2, 0]]
    >>> compose([2, 9, 3, 9], {"tokens": 10})
    [[1], [3], [2, 0]]
    >>> compose([2, 9, 3, 9], {"samples": 3}, kinds="abba")
    [[3, 0], [1, 2]]
    """
    if kinds is not None:
        alike = [[i for i, kind in enumerate(kinds) if kind == each] for each in dict.fromkeys(kinds)]
        parts = ((rows, compose([lengths[i] for i in rows], rule)) for rows in alike)
        return [[rows[i] for i in batch] for rows, batches in parts for batch in batches]
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches, start = [], 0
    while start < len(order):
        longest = max(1, lengths[order[start]])
        size = rule["samples"] if "samples" in rule else max(1, rule["tokens"] // longest)
        batches.append(order[start : start + size])
        start += size
    return batches


def batches_of(
    reader: Reader, samples: Samples, rows: range, rule: Mapping[str, int], *, one_length: bool = False
) -> Iterator[tuple[Sequence[int], list[Encoded]]]:
    """Positions of the samples of each batch within the rows, and they.

    Pictures are read a few at a time, in threads that are a batch ahead of the device, and only what the network takes
    of them is kept. Where that is made by a function of the user's, which wants the pictures of a batch together, a
    batch ends where they fill a part of the memory that decoded pictures may take. Other samples of one length are
    read batch by batch, in a thread ahead; others as a block, to be sorted. Of samples that go together by their
    shapes only these are kept until they are read again.
    """

    def read(batch: Sequence[int]) -> list[Encoded]:
        wanted = [rows[place] for place in batch]
        return reader.encode(samples.read(wanted), [samples.ids[row] for row in wanted])

    if reader.varies:
        encoded = read(range(len(rows)))
        alike = kinds_of(reader, encoded) if one_length else None
        for batch in compose([one.length for one in encoded], rule, alike):
            yield batch, [encoded[place] for place in batch]
        return
    alike = [kind for place in range(len(rows)) for kind in kinds_of(reader, read([place]))] if one_length else None
    plan = compose([1] * len(rows), rule, alike)
    if samples.kind == "image":
        yield from _pictures(reader, samples, rows, plan)
        return
    yield from ahead(read, plan)


def _pictures(
    reader: Reader, samples: Samples, rows: range, plan: Sequence[Sequence[int]]
) -> Iterator[tuple[Sequence[int], list[Encoded]]]:
    """Batches of pictures, of which no more than so many bytes are held decoded."""
    small = getattr(reader, "by_itself", False)  # when they are read nothing large is left of them
    most = DECODED if small else DECODED // 4  # held while they are read, by a batch that waits, and by one in use
    room, each = Room(most), TOGETHER if small else CHUNK

    def chunk(places: Sequence[int]) -> list[tuple[Encoded, int]]:
        wanted, found = [rows[place] for place in places], list[tuple[Encoded, int]]()
        with room:
            while wanted:
                contents = _few(samples, wanted) if small else samples.read(wanted)
                sizes = [getattr(content, "nbytes", 0) for content in contents]
                room.was(sum(sizes))
                ids = [samples.ids[row] for row in wanted[: len(contents)]]
                found += zip(reader.encode(contents, ids), sizes, strict=True)
                del wanted[: len(contents)], contents
        return found

    chunks = [batch[start : start + each] for batch in plan for start in range(0, len(batch), each)]
    threads = thread_count(None)
    depth = max(threads, -(-len(plan[0]) // each)) if small else 1
    made = ahead(chunk, chunks, depth=depth, threads=threads)
    found = (one for _, some in made for one in some)
    for batch in plan:
        some: list[Encoded] = []
        held = start = 0
        for number, (one, n_bytes) in enumerate(islice(found, len(batch))):
            if some and not small and held + n_bytes > most:
                yield batch[start:number], some
                some, held, start = [], 0, number
            some.append(one)
            held += n_bytes
        yield batch[start:], some


def _few(samples: Samples, rows: Sequence[int]) -> list[Any]:
    """The first of them, as many as are small together; of large ones, which take their time each, one."""
    contents: list[Any] = []
    while len(contents) < len(rows) and sum(getattr(each, "nbytes", 0) for each in contents) < TOGETHER_BYTES:
        contents += samples.read([rows[len(contents)]])
    return contents


def kinds_of(reader: Reader, encoded: Sequence[Encoded]) -> list[Hashable]:
    """What samples agree in that go together without padding: the shapes of what they are alone, and their length."""
    alone = [reader.batch([one]) for one in encoded]
    return [
        (*(tuple(tensor.shape) for tensor in inputs.tensors()), tokens and int(tokens.real.sum()))
        for inputs, tokens in alone
    ]
