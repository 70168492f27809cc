"""Inner loops over distances as they are defined."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from layerscape.core.jit import compiled, compiled_within
from layerscape.search.distances import LANES

BYTE, WORD, LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
WIDE = ir.VectorType(ir.DoubleType(), LANES)


@intrinsic
def squared_distances(typingctx, x, i, y, these, following, out):
    """``out`` becomes d² of row i of x and some rows of y, in the order of summation that `layerscape.search.distances`
    states.

    Written as vector instructions, since numba's loops would take one lane at a time; several rows of y at once, which
    share the conversion of x to float64. The rows that will be asked for next are fetched meanwhile, which else wait
    for memory.
    """
    if x.dtype != y.dtype:  # the instructions are made for one
        raise TypingError(f"rows of {x.dtype} and {y.dtype}")
    narrow = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}[x.dtype]

    def emit(context, builder, signature, arguments):
        points, others, result = (
            cgutils.create_struct_proxy(signature.args[n])(context, builder, value=arguments[n]) for n in (0, 2, 5)
        )

        def row(array, number):
            offset = builder.mul(number, builder.extract_value(array.strides, 0))
            return builder.bitcast(
                builder.gep(builder.bitcast(array.data, BYTE.as_pointer()), [offset]), narrow.as_pointer()
            )

        rows = [row(points, arguments[1])]
        rows += [row(others, builder.extract_value(arguments[3], g)) for g in range(these.count)]
        ahead = [row(others, builder.extract_value(arguments[4], g)) for g in range(these.count)]
        _emit_sums(builder, narrow, rows, ahead, builder.extract_value(points.shape, 1), result.data)
        return context.get_dummy_value()

    return types.void(x, i, y, these, following, out), emit


def _emit_sums(builder, narrow, rows, ahead, size, out):
    """Write the squared distances of the first of the rows, an address each, and all others to ``out``."""
    byte, load_as = BYTE.as_pointer(), ir.VectorType(narrow, LANES).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, WORD, WORD, WORD])
    fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    hints = [WORD(hint) for hint in (0, 3, 1)]  # to read, into the first cache, data
    totals = [cgutils.alloca_once_value(builder, ir.Constant(WIDE, [0.0] * LANES)) for _ in ahead]
    with cgutils.for_range_slice(builder, size.type(0), size, size.type(LANES), size.type) as (place, _):
        values = []
        for address in rows:
            value = builder.load(builder.bitcast(builder.gep(address, [place]), load_as), align=4)
            values.append(value if narrow == ir.DoubleType() else builder.fpext(value, WIDE))
        for value, address, total in zip(values[1:], ahead, totals, strict=True):
            builder.call(fetch, [builder.bitcast(builder.gep(address, [place]), byte), *hints])
            difference = builder.fsub(values[0], value)
            builder.store(builder.fadd(builder.load(total), builder.fmul(difference, difference)), total)
    for number, total in enumerate(totals):
        lanes, half = builder.load(total), LANES
        while half > 1:
            half //= 2
            places = [ir.Constant(ir.VectorType(WORD, half), list(range(at, at + half))) for at in (0, half)]
            lanes = builder.fadd(*[builder.shuffle_vector(lanes, lanes, place) for place in places])
        builder.store(builder.extract_element(lanes, WORD(0)), builder.gep(out, [LONG(number)]))


@compiled
def exact_block(x, y, first, numbers, counts, done, squared):
    """Squared distances of each row of x to those of its candidates that lie in y, the rows from ``first`` on."""
    stop, out = first + len(y), np.empty(4)
    for i in range(len(x)):
        begin = end = done[i]
        while end < counts[i] and numbers[i, end] < stop:
            end += 1
        for c in range(begin, end, 4):
            these, following = _four(numbers[i], c, end, first), _four(numbers[i], min(c + 4, end - 1), end, first)
            squared_distances(x, i, y, these, following, out)  # pyright: ignore[reportCallIssue]
            for g in range(min(4, end - c)):
                squared[i, c + g] = out[g]
        done[i] = end


@compiled_within
def _four(numbers, c, end, first):
    """Four candidates from number c on; the last of all stands for those that are not there."""
    last = end - 1
    return (
        np.int64(numbers[c]) - first,
        np.int64(numbers[min(c + 1, last)]) - first,
        np.int64(numbers[min(c + 2, last)]) - first,
        np.int64(numbers[min(c + 3, last)]) - first,
    )


@compiled
def exact_pairs(x, y, rows, columns, squared):
    """Squared distances of x[rows[p]] and y[columns[p]]."""
    last = len(rows) - 1
    for p in range(len(rows)):
        squared_distances(x, rows[p], y, (columns[p],), (columns[min(p + 1, last)],), squared[p:])  # pyright: ignore[reportCallIssue]


@compiled
def exact_all(x, y, squared):
    """Squared distances of each row of x to each of y."""
    last = len(y) - 1
    for i in range(len(x)):
        for j in range(last + 1):
            squared_distances(x, i, y, (j,), (min(j + 1, last),), squared[i, j:])  # pyright: ignore[reportCallIssue]


@compiled
def add_nearer(squared, doubt, x, y, scale, starts, asked, weights, sums):
    """Add to each column's sum the weights of the pairs than which it is nearer to their row, half where it ties.

    Of row i the pairs are those from ``starts[i]`` on. Squared distances are off by ``doubt`` at the most; where that
    could tell otherwise they are made of the rows of x and y, times ``scale``, and have no doubt from then on.
    """
    out = np.empty(1)
    for i in range(len(squared)):
        for p in range(starts[i], starts[i + 1]):
            limit, weight, half = asked[p], weights[p], weights[p] / 2
            doubtful = 0
            for j in range(squared.shape[1]):
                doubtful += abs(squared[i, j] - limit) <= doubt[i, j]
            if doubtful:
                for j in range(squared.shape[1]):
                    if abs(squared[i, j] - limit) <= doubt[i, j]:
                        squared_distances(x, i, y, (j,), (j,), out)  # pyright: ignore[reportCallIssue]
                        squared[i, j], doubt[i, j] = out[0] * scale, -1.0
            for j in range(squared.shape[1]):
                sums[j] += half * (squared[i, j] <= limit) + (weight - half) * (squared[i, j] < limit)
