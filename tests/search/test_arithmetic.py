"""Bounds by every arithmetic that this processor has: they are bounds, and the graph is the definition's to the bit."""

import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding, ir

from layerscape.core.representation import as_representation
from layerscape.core.threads import workers
from layerscape.search import again, compiled, find_neighbors, floats, kernels, processor, rank, ranks
from layerscape.search import bytes as by_bytes
from layerscape.search.bytes import Bytes
from layerscape.search.engine import Job, Tile, Windows
from layerscape.search.floats import Floats
from layerscape.search.kernels import instructions, tiles
from layerscape.search.rows import distinct_points, scale_together
from tests.search.reference import KINDS, cloud, plain, plain_ranks

HERE = kernels.available()
WORDS = [kind.words for kind in HERE]
here = pytest.mark.parametrize("kind", HERE, ids=WORDS)


def by(kind, patch):
    """From now on every search is made with an instruction."""
    patch.setattr(compiled, "arithmetic_for", lambda job: Bytes(job, kind))


def assert_plain(x, k, **options):
    graph = find_neighbors(x, k, **options)
    rows = np.arange(0, len(x), max(1, len(x) * np.size(x) // 3_000_000))
    indices, distances = plain(x, k, rows)
    np.testing.assert_array_equal(graph.indices[rows], indices)
    np.testing.assert_array_equal(graph.distances[rows], distances)


def hard_rows():
    """Rows that are hard to round."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((260, 90))
    row, column = np.arange(260)[:, None], np.arange(90)
    pixels = rng.choice([0.0, 0.0, 254.0, 255.0], x.shape) + rng.integers(0, 2, x.shape) % np.maximum(1, row % 3)
    pixels = np.minimum(pixels, 255.0)
    return {
        "cauchy": x / rng.standard_normal(x.shape),
        "one huge entry in each row": np.where(column == row % 90, 1e3 * x, x),
        "one huge column": np.where(column == 3, 1e4 * x, x),
        "one huge column of many": np.where(column == 3, 30 * x, x),
        "one huge row": np.where(row == 0, 1e30, x),
        "rows of all scales": x * 10.0 ** rng.uniform(-12, 12, (260, 1)),
        "clusters of 1e-9": np.repeat(x[:13], 20, axis=0) + 1e-9 * x,
        "denormals": x * 5e-320,
        "ones and minus ones": np.where(x > 0, 1.0, -1.0),
        "two values": np.where(row < 130, 127.0, -127.0) + 1e-6 * x,
        "one value but for one": np.where((row == 5) & (column == 7), 1.0, 0.0) + 3.0,
        "bytes": rng.integers(-127, 128, x.shape).astype(np.int8),
        "pixels": pixels.astype(np.uint8),
        "pixels in 0 to 1": (pixels / 255).astype(np.float32),
        "pixels and some that are none": pixels + np.where(row % 50 == 7, x, 0),
        "pixels, one of them far": np.where((row == 5) & (column == 7), 1e9, pixels),
        "a grid of denormals": pixels * 5e-324,
        "line": row * 1e-3 * np.ones(90),
        "one direction": x + 300 * rng.standard_normal((260, 1)) * x[7],
        "one direction, but for some rows": np.where(row % 3 == 0, x, x + 300 * rng.uniform(-1, 1, (260, 1)) * x[7]),
    }


HARD = hard_rows()


@here
@pytest.mark.parametrize("name", HARD)
def test_hard_rows(kind, name, monkeypatch):
    x, ks = HARD[name], (1, 30, 259)
    expected = [find_neighbors(x, k) for k in ks]
    by(kind, monkeypatch)
    for k, other in zip(ks, expected, strict=True):
        graph = find_neighbors(x, k)
        np.testing.assert_array_equal(graph.indices, other.indices)
        np.testing.assert_array_equal(graph.distances, other.distances)
        if "denormals" not in name:  # whose squares the definition loses, and the search does not
            assert_plain(x, k)


@here
@pytest.mark.parametrize("cloud_of", KINDS)
@pytest.mark.parametrize(("n", "d", "k"), [(300, 20, 17), (65, 3, 64), (700, 129, 30), (40, 4100, 7)])
def test_clouds_of_any_width(kind, cloud_of, n, d, k, monkeypatch):
    by(kind, monkeypatch)
    assert_plain(cloud(cloud_of, n, d, n + d), k)


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(HERE) if HERE else st.nothing(),
    cloud_of=st.sampled_from(KINDS),
    n=st.integers(2, 150),
    d=st.integers(1, 140),
    memory=st.sampled_from([1, 20_000, 2**29]),
    threads=st.integers(1, 3),
    data=st.data(),
)
def test_every_size_tile_panel_and_memory_gives_the_same_graph(kind, cloud_of, n, d, memory, threads, data):
    k = data.draw(st.integers(1, n - 1))
    x, rows = cloud(cloud_of, n, d, 3), np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=9)))
    with pytest.MonkeyPatch.context() as patch:
        by(kind, patch)
        small = {compiled: {"LOCKED": 7, "LOADED": 11, "MOST_HITS": (kind.rows + 2) * 64}}
        small |= {by_bytes: {"TILE_ROWS": 70, "TILE_COLUMNS": 150, "SAMPLED": 16}, again: {"FEWEST": 4}}
        for module, constants in small.items():
            for name, value in constants.items():
                patch.setattr(module, name, value)
        assert_plain(x, k, memory=memory, threads=threads)
        some = find_neighbors(x, k, queries=rows, memory=memory)
    indices, distances = plain(x, k, rows)
    np.testing.assert_array_equal(some.indices, indices)
    np.testing.assert_array_equal(some.distances, distances)


@here
def test_other_points_directions_and_samples_that_are_left_out(kind, monkeypatch, rng):
    x, groups = cloud("copies", 900, 50, 4), np.arange(900) // 9
    asked = [
        {"queries": x[:40] + 1e-3},
        {"metric": "cosine"},
        {"standardize": "units"},
        {"groups": groups},
        {"lag": 12},
        {"queries": [3, 899, 3], "lag": 5},
    ]
    expected = [find_neighbors(x, 25, **options) for options in asked]
    by(kind, monkeypatch)
    for options, other in zip(asked, expected, strict=True):
        graph = find_neighbors(x, 25, **options)
        for name in ("indices", "distances", "border_starts", "border_copies"):
            np.testing.assert_array_equal(getattr(graph, name), getattr(other, name))


@here
def test_rows_wider_than_int32_holds_are_cut(kind, monkeypatch):
    x = np.where(np.random.default_rng(3).random((66, kernels.PIECE + 4100)) < 0.9, 1.0, -1.0)
    x[33:] *= -1
    x *= 1 + np.arange(66)[:, None] / 1000
    by(kind, monkeypatch)
    assert_plain(x, 40)
    assert_plain(np.random.default_rng(4).standard_normal((30, 2 * kernels.PIECE + 1)).astype(np.float32), 9)


def job_of(x, pool, k=3):
    points, _, seen = distinct_points(as_representation(x), "euclidean", pool)
    scale_together(points, points, [seen])
    n = points.n_points
    return Job(points, points, np.arange(n), Windows.none(n, n), k, 2**29, pool, lambda _: None)


@pytest.mark.parametrize("kind", [*HERE, None], ids=[*WORDS, "float32"])
@pytest.mark.parametrize("name", HARD)
def test_half_a_squared_distance_lies_between_its_bound_and_that_and_the_doubts(kind, name):
    x = np.unique(HARD[name], axis=0)
    n = len(x)
    with workers(1) as pool:
        job = job_of(x, pool)
        arithmetic = Floats(job) if kind is None else Bytes(job, kind)
        block, doubts = arithmetic.room(0, n), np.empty(n, np.float32)
        arithmetic.fill(job.points, job.points.read(slice(None)), block, doubts)
        none, every = np.zeros(n, np.int64), np.full(n, np.inf, np.float32)
        tile = Tile(block, block, every, every, n, none - 1, none + 1, none, none, none)
        hits, values, bounds = np.empty((2**17, 2), np.int32), np.empty(2**17, np.float32), np.full((n, n), np.nan)
        for found in arithmetic.look(tile, hits, values):
            bounds[tuple(hits[:found].T)] = values[:found]
        seen = job.points.centered_wide(job.points.read(slice(None))).astype(np.longdouble)
    half = ((seen[:, None] - seen) ** 2).sum(axis=2) / 2
    assert not np.isnan(bounds).any()
    assert (bounds <= half + 2.0**-101).all()
    assert (half <= bounds + doubts[:, None] + doubts + 2.0**-101).all()
    if kind is not None:
        products = np.empty((n, n), np.float32)
        held = block.held
        kernels.byte_products(kind, held.first, held.scales, 0, n, held.groups, held.starts, held.scales, products)
        above = block.held.above[:n]
        assert (half <= (above[:, None] + above) - products + 2.0**-101).all()
    assert (doubts[:, None] + doubts < 2 * ((seen**2).sum(axis=1)[:, None] + (seen**2).sum(axis=1)) + 2.0**-60).all()


@here
@pytest.mark.parametrize("width", [90, 200])
def test_rows_that_are_long_along_one_direction_are_less_in_doubt(kind, width, rng):
    """Here as if what is rounded off had no part along it; and it is not looked for where there is none."""
    cloud, direction = rng.standard_normal((600, width)), rng.standard_normal(width)
    doubts = []
    with workers(1) as pool:
        for x in (cloud, cloud + 30 * rng.standard_normal((600, 1)) * direction):
            job = job_of(x, pool)
            block, there = Bytes(job, kind).room(0, 600), np.empty(600, np.float32)
            for along in (True, False):
                arithmetic = Bytes(job, kind)
                assert (len(arithmetic.direction) > 0) == (x is not cloud)
                if not along:
                    arithmetic._set(job, arithmetic.mixed, arithmetic._rounded_off(job, arithmetic.mixed))
                arithmetic.fill(job.points, job.points.read(slice(None)), block, there)
                held = block.held
                doubts.append(float(np.median(held.above[:600] - held.coarse[:600])))
    assert doubts[0] == doubts[1]
    assert doubts[2] < 2.5 / np.sqrt(width) * doubts[3]


@here
def test_every_instruction_here_is_exact(kind):
    assert processor.is_exact(kind)


@here
def test_a_wrong_sum_is_seen(kind, monkeypatch):
    """A sum that saturates at what int16 holds, as on some processors, is told from a right one."""
    right = kernels.byte_products

    def saturating(*given):
        right(*given)
        np.clip(given[-1], -(2**15), 2**15 - 1, out=given[-1])

    monkeypatch.setattr(kernels, "byte_products", saturating)
    assert not processor.is_exact(kind)


WORK = {"WORK": 0, "FEWEST_UNITS": 1}


@pytest.fixture
def fresh(monkeypatch):
    processor.instruction_here.cache_clear()
    for name, value in WORK.items():
        monkeypatch.setattr(processor, name, value)
    yield monkeypatch
    processor.instruction_here.cache_clear()


@pytest.mark.skipif(not HERE, reason="this processor has no products of bytes")
@pytest.mark.parametrize("how", ["wrong sums", "does not compile"])
def test_an_instruction_that_fails_its_test_is_not_used_and_that_is_said_once(how, fresh, rng):
    def fail(_):
        if how == "does not compile":
            raise ValueError("no such instruction")
        return False

    fresh.setattr(processor, "is_exact", fail)
    fresh.setattr(kernels, "available", lambda: HERE[:1])
    x = rng.standard_normal((600, 40))
    reason = "it gave wrong sums in a test" if how == "wrong sums" else "ValueError: no such instruction"
    text = (
        f"this processor's byte products ({WORDS[0]}) are not used: {reason}. Searches give the same graphs, "
        "and take longer."
    )
    with pytest.warns(RuntimeWarning, match=f"^{re.escape(text)}$"):
        graph = find_neighbors(x, 9)
    np.testing.assert_array_equal(graph.indices, plain(x, 9)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        find_neighbors(x, 9)


def test_after_an_instruction_that_fails_its_test_the_next_is_tried(fresh):
    first, second = instructions.Avx512Vnni(), instructions.Avx2()
    fresh.setattr(kernels, "available", lambda: [first, second])
    fresh.setattr(processor, "is_exact", lambda kind: kind is second)
    with pytest.warns(RuntimeWarning, match="AVX-512 VNNI"):
        assert processor.instruction_here() is second


@pytest.mark.parametrize("why", ["Linux refuses", "another system"])
def test_tiles_that_are_not_allowed_are_not_used(why, monkeypatch):
    """Without its leave a process that uses tiles is killed."""
    tiles.allowed.cache_clear()
    if why == "another system":
        monkeypatch.setattr(tiles.sys, "platform", "darwin")
    else:
        monkeypatch.setattr(tiles.sys, "platform", "linux")
        monkeypatch.setattr(tiles.ctypes, "CDLL", lambda name: SimpleNamespace(syscall=lambda *asked: -1))
    assert instructions.Amx() not in kernels.available()
    tiles.allowed.cache_clear()


def test_a_processor_without_products_of_bytes_uses_float32(fresh, rng):
    fresh.setattr(kernels, "available", list)
    with workers(1) as pool:
        assert isinstance(processor.arithmetic_for(job_of(rng.standard_normal((3000, 40)), pool)), Floats)


@pytest.mark.skipif(not HERE, reason="this processor has no products of bytes")
@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("gaussian", Bytes),
        ("far clusters", Floats),
        ("a huge unit", Bytes),
        ("narrow", Floats),
        ("few", Floats),
        ("all neighbors", Floats),
    ],
)
def test_bytes_are_used_where_they_pay(name, chosen, rng):
    x = rng.standard_normal((3000, 200))
    if name == "far clusters":
        x[:, 0] += np.where(np.arange(3000) % 2, 400.0, -400.0)
    if name == "a huge unit":
        x[:, 7] = 30 * x[:, 7]
    x = {"narrow": x[:, :31], "few": x[:400]}.get(name, x)
    with workers(1) as pool:
        arithmetic = processor.arithmetic_for(job_of(x, pool, k=2000 if name == "all neighbors" else 10))
    assert type(arithmetic) is chosen


@pytest.mark.parametrize(
    ("kind", "triple", "processor_name", "word"),
    [
        (instructions.Amx(), "x86_64-linux-gnu", "sapphirerapids", "tdpbusd"),
        (instructions.Avx512Vnni(), "x86_64-linux-gnu", "icelake-server", "vpdpbusd"),
        (instructions.AvxVnni(), "x86_64-linux-gnu", "alderlake", "vpdpbusd"),
        (instructions.Avx2(), "x86_64-linux-gnu", "haswell", "vpmaddwd"),
        (instructions.ArmDot(), "aarch64-linux-gnu", "neoverse-n1", "sdot"),
    ],
    ids=["AMX", "AVX-512 VNNI", "AVX-VNNI", "AVX2", "Arm"],
)
def test_products_are_the_instruction_s_on_processors_that_are_not_here(kind, triple, processor_name, word):
    module = ir.Module()
    pointer = instructions.BYTE.as_pointer()
    kind_of = ir.FunctionType(ir.VoidType(), [pointer] * 9 + [instructions.LONG])
    function = ir.Function(module, kind_of, "products")
    builder = ir.IRBuilder(function.append_basic_block())
    *addresses, group, starts, out, n = function.args
    if isinstance(kind, instructions.Amx):
        tiles.emit_sizes(builder)
        tiles.emit_products(builder, addresses[0], instructions.LONG(64), group, starts, n, out)
        tiles.emit_released(builder)
    else:
        instructions.emit_products(instructions.Emitter(builder, kind), addresses, group, starts, n, out)
    builder.ret_void()
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        target = binding.Target.from_triple(triple)
    except RuntimeError as error:
        pytest.skip(f"this LLVM makes no code for {triple}: {error}")
    machine = target.create_target_machine(cpu=processor_name, opt=3)
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    passes = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(3))
    passes.getModulePassManager().run(parsed, passes)
    assembly = machine.emit_assembly(parsed)
    sums = kind.vectors if isinstance(kind, instructions.Amx) else kind.rows * kind.vectors
    assert assembly.count(word) >= sums
    assert "pmaddubsw" not in assembly


def test_a_tile_that_begins_within_a_group_is_refused(rng):
    if not HERE:
        pytest.skip("this processor has no products of bytes")
    with workers(1) as pool:
        arithmetic = Bytes(job_of(rng.standard_normal((200, 8)), pool), HERE[0])
        block = arithmetic.room(0, 200)
        part = next(block.parts(64, 7))
        none = np.zeros(200, np.int64)
        tile = Tile(block, part, none, none, 0, none, none, none, none, none)
        size = kernels.group_of(HERE[0])
        with pytest.raises(ValueError, match=f"^a tile begins within a group of {size}, at 7; pairs would be lost.$"):
            next(arithmetic.look(tile, none, none))


@pytest.mark.parametrize("kind", [*HERE, None], ids=[*WORDS, "float32"])
@pytest.mark.parametrize("k", [5, 60])
def test_tight_clusters_far_from_the_center_are_searched_around_themselves(kind, k, monkeypatch, rng):
    """As the first and the last token of all sentences lie: none of them is left for `complete`."""
    x = 3 * rng.standard_normal((4000, 48)).astype(np.float32)
    inside = rng.permutation(4000)[:600]
    x[inside[:300]] = x[0] + 1e-4 * rng.standard_normal((300, 48))
    x[inside[300:]] = x[1] + 1e-4 * rng.standard_normal((300, 48))
    found, left = [], set()
    around, whole = again._around, again.complete

    def noted(job, rows, upper):
        if job.points.n_points == len(x):
            left.update(job.own[rows].tolist())
        return whole(job, rows, upper)

    monkeypatch.setattr(again, "_around", lambda *given: found.append(len(given[1])) or around(*given))
    monkeypatch.setattr(again, "complete", noted)
    if kind is None:
        monkeypatch.setattr(compiled, "arithmetic_for", Floats)
    else:
        by(kind, monkeypatch)
    graph = find_neighbors(x, k)
    indices, distances = plain(x, k, inside)
    np.testing.assert_array_equal(graph.indices[inside], indices)
    np.testing.assert_array_equal(graph.distances[inside], distances)
    assert sum(found) >= 600
    assert not left & set(inside.tolist())  # only those at whose k-th distance a cluster lies
    some = find_neighbors(x, k, queries=x[inside] + 1e-5)
    monkeypatch.setattr(again, "FEWEST", 10**9)
    other = find_neighbors(x, k, queries=x[inside] + 1e-5)
    np.testing.assert_array_equal(some.indices, other.indices)
    np.testing.assert_array_equal(some.distances, other.distances)


@here
def test_what_bytes_cannot_prove_is_tried_with_float32_first(kind, monkeypatch, rng):
    """Rows so long beside their distances that two bytes do not tell them apart, and float32 does."""
    x = rng.standard_normal((2000, 300)) * 3e-3
    x[:, 0] += np.where(np.arange(2000) % 2, 1.0, -1.0)
    swept = []
    monkeypatch.setattr(floats.Floats, "look", lambda *given: swept.append(1) or look(*given))
    look = floats.Floats.look
    by(kind, monkeypatch)
    assert_plain(x, 20)


def test_ranks_agree_with_the_graph(rng):
    x = rng.standard_normal((1200, 90))
    graph = find_neighbors(x, 7)
    pairs = np.stack([np.arange(1200), graph.indices[:, 6]], axis=1)
    np.testing.assert_array_equal(ranks(x, pairs), np.full(1200, 7.0))


def pairs_of(n, rng):
    """Some at random, several of one sample, and all others of another."""
    first = np.concatenate([rng.integers(0, n, n), np.repeat(rng.integers(0, n, 5), 9), np.full(n - 1, 3)])
    second = (first + np.concatenate([rng.integers(1, n, n + 45), np.arange(1, n)])) % n
    return np.stack([first, second], axis=1)


def ranks_by(kind, x, pairs, patch, **options):
    """Counted by float32, and then by an instruction."""
    patch.setattr(rank, "MOST_DOUBTFUL", 1.0)
    found = []
    for bytes_for in (lambda job: None, lambda job: Bytes(job, kind)):
        patch.setattr(rank, "bytes_for", bytes_for)
        found.append(ranks(x, pairs, **options))
    return found


@here
@pytest.mark.parametrize("name", HARD)
def test_ranks_of_hard_rows_are_those_by_float32(kind, name, monkeypatch, rng):
    x, groups = HARD[name], np.arange(260) // 4
    pairs = pairs_of(260, rng)
    np.testing.assert_array_equal(*ranks_by(kind, x, pairs, monkeypatch))
    apart = pairs[groups[pairs[:, 0]] != groups[pairs[:, 1]]]
    np.testing.assert_array_equal(*ranks_by(kind, x, apart, monkeypatch, groups=groups))


@here
@pytest.mark.parametrize("cloud_of", KINDS)
@pytest.mark.parametrize(("n", "d"), [(300, 20), (65, 3), (700, 129), (40, 4100)])
def test_ranks_in_clouds_are_the_definition_s(kind, cloud_of, n, d, monkeypatch, rng):
    x, pairs = cloud(cloud_of, n, d, n + d), pairs_of(n, rng)
    _, found = ranks_by(kind, x, pairs, monkeypatch)
    np.testing.assert_array_equal(found, plain_ranks(x, pairs))
    for name, value in {"MOST_DOUBTS": 100, "PART": 50, "COLUMNS": 70}.items():
        monkeypatch.setattr(rank, name, value)
    _, in_pieces = ranks_by(kind, x, pairs, monkeypatch, memory=100_000, threads=2)
    np.testing.assert_array_equal(in_pieces, found)


@here
def test_ranks_in_rows_wider_than_int32_holds(kind, monkeypatch, rng):
    x = np.where(rng.random((30, kernels.PIECE + 4100)) < 0.9, 1.0, -1.0) * (1 + np.arange(30)[:, None] / 1000)
    pairs = pairs_of(30, rng)
    np.testing.assert_array_equal(*ranks_by(kind, x, pairs, monkeypatch))
    with_lag = pairs[np.abs(pairs[:, 0] - pairs[:, 1]) > 2]
    np.testing.assert_array_equal(*ranks_by(kind, x, with_lag, monkeypatch, lag=2, metric="cosine"))


@pytest.mark.skipif(not HERE, reason="this processor has no products of bytes")
@pytest.mark.parametrize(("name", "counted"), [("gaussian", True), ("two far clusters", False)])
def test_ranks_are_counted_by_bytes_where_few_are_in_doubt(name, counted, monkeypatch, rng):
    x = rng.standard_normal((1500, 100))
    if name == "two far clusters":
        x[:, 0] += np.where(np.arange(1500) % 2, 400.0, -400.0)
    seen, count = [], Bytes.count
    monkeypatch.setattr(Bytes, "count", lambda *given: seen.append(1) or count(*given))
    pairs = pairs_of(1500, rng)
    found = ranks(x, pairs)
    assert bool(seen) is counted
    monkeypatch.setattr(rank, "bytes_for", lambda job: None)
    np.testing.assert_array_equal(found, ranks(x, pairs))
