"""Inner loops over distances as they are defined, and the order of neighbors."""

from __future__ import annotations

import math

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from layerscape.core.jit import compiled
from layerscape.search.distances import LANES


@intrinsic
def squared_distance(typingctx, a, b, following):
    """d² of two rows of whole lanes, in the order of summation that `layerscape.search.distances` states.

    Written as vector instructions, since numba's loops would take one lane at a time. The row that will be asked for
    next is fetched meanwhile, which else waits for memory.
    """
    narrow = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}[a.dtype]
    if a.dtype != b.dtype:  # the instructions are made for one
        raise TypingError(f"rows of {a.dtype} and {b.dtype}")
    wide = ir.VectorType(ir.DoubleType(), LANES)

    def emit(context, builder, signature, arguments):
        arrays = [
            cgutils.create_struct_proxy(kind)(context, builder, value=value)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        hints = [ir.Constant(number, hint) for hint in (0, 2, 1)]  # to read, into the second cache, data
        size = builder.extract_value(arrays[0].shape, 0)
        total = cgutils.alloca_once_value(builder, ir.Constant(wide, [0.0] * LANES))
        with cgutils.for_range_slice(builder, size.type(0), size, size.type(LANES), size.type) as (place, _):
            lanes = []
            builder.call(fetch, [builder.bitcast(builder.gep(arrays[2].data, [place]), byte), *hints])
            for array in arrays[:2]:
                address = builder.bitcast(builder.gep(array.data, [place]), ir.VectorType(narrow, LANES).as_pointer())
                value = builder.load(address, align=a.dtype.bitwidth // 8)
                lanes.append(builder.fpext(value, wide) if narrow != ir.DoubleType() else value)
            difference = builder.fsub(*lanes)
            builder.store(builder.fadd(builder.load(total), builder.fmul(difference, difference)), total)
        lanes, half = builder.load(total), LANES
        while half > 1:
            half //= 2
            places = [ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(at, at + half))) for at in (0, half)]
            lanes = builder.fadd(*[builder.shuffle_vector(lanes, lanes, place) for place in places])
        return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))

    return types.float64(a, b, following), emit


@compiled
def exact_block(x, y, first, numbers, counts, done, squared):
    """Squared distances of each row of x to those of its candidates that lie in y, the rows from ``first`` on."""
    stop = first + len(y)
    for i in range(len(x)):
        c = done[i]
        while c < counts[i] and numbers[i, c] < stop:
            following = numbers[i, c + 1] if c + 1 < counts[i] and numbers[i, c + 1] < stop else numbers[i, c]
            squared[i, c] = squared_distance(x[i], y[numbers[i, c] - first], y[following - first])  # pyright: ignore[reportCallIssue]
            c += 1
        done[i] = c


@compiled
def exact_pairs(x, y, rows, columns, squared):
    """Squared distances of x[rows[p]] and y[columns[p]]."""
    for p in range(len(rows)):
        squared[p] = squared_distance(x[rows[p]], y[columns[p]], y[columns[min(p + 1, len(rows) - 1)]])  # pyright: ignore[reportCallIssue]


@compiled
def order(numbers, squared, counts, k):
    """Sort each row's candidates by (d², number).

    ``counts`` becomes k and the ties that follow, or 0 where k are not there. Ties are judged after the square root,
    which can make two neighboring values one.
    """
    for i in range(len(counts)):
        count = counts[i]
        if count < k:
            counts[i] = 0
            continue
        _sort(squared[i, :count], numbers[i, :count])
        last, tied = math.sqrt(squared[i, k - 1]), k
        while tied < count and math.sqrt(squared[i, tied]) == last:
            tied += 1
        counts[i] = tied


@compiled
def _sort(squared, numbers):
    """By distance and then by number, in place (Shell's sort; numpy's takes numba seconds to compile)."""
    gap = 1
    while gap < len(squared) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, len(squared)):
            value, number, j = squared[i], numbers[i], i
            while j >= gap and (squared[j - gap] > value or (squared[j - gap] == value and numbers[j - gap] > number)):
                squared[j], numbers[j] = squared[j - gap], numbers[j - gap]
                j -= gap
            squared[j], numbers[j] = value, number
        gap //= 3
