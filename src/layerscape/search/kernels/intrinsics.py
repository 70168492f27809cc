"""What compiled loops call that numba has no words for: a processor's instructions, and masks of bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from layerscape.search.kernels import tiles
from layerscape.search.kernels.instructions import (
    BYTE,
    LONG,
    Amx,
    Emitter,
    emit_below,
    emit_crossed,
    emit_products,
    group_of,
)


class _Arrays:
    """The arrays among the arguments of an intrinsic. Places in them are addresses: a slice would be counted."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any):
        self.builder, self.kinds, self.values = builder, signature.args, arguments
        self.proxies = [
            cgutils.create_struct_proxy(kind)(context, builder, value=value) if isinstance(kind, types.Array) else None
            for kind, value in zip(signature.args, arguments, strict=True)
        ]

    def stride(self, number: int) -> Any:
        """Of the first axis of an argument, in bytes."""
        proxy: Any = self.proxies[number]
        return self.builder.extract_value(proxy.strides, 0)

    def address(self, number: int, *places: Any) -> Any:
        """Of the value of an argument at some places, along its first axes."""
        proxy: Any = self.proxies[number]
        offset = LONG(0)
        for axis, place in enumerate(places):
            stride = self.builder.extract_value(proxy.strides, axis)
            offset = self.builder.add(offset, self.builder.mul(place, stride))
        return self.builder.gep(self.builder.bitcast(proxy.data, BYTE.as_pointer()), [offset])


def _for_tiles(instruction: Any, write: Callable[[Any], None]) -> Any:
    """The type and the code of a call that says something about tiles, where there are any."""

    def emit(context, builder, signature, arguments):
        if isinstance(instruction.instance_class(), Amx):
            write(builder)
        return context.get_dummy_value()

    return types.void(instruction), emit


@intrinsic
def ready(typingctx, instruction):
    """What an instruction wants to be told before `products`."""
    return _for_tiles(instruction, tiles.emit_sizes)


@intrinsic
def released(typingctx, instruction):
    """What it wants to be told after the last of them."""
    return _for_tiles(instruction, tiles.emit_released)


@intrinsic
def products(typingctx, instruction, rows, r, groups, g, starts, piece, begin, steps, out, place):
    """Rows of ``out`` (…, group), from ``place`` on, become the starts of a piece and the sums of products of as many
    rows as the instruction takes with a group of points.

    ``begin`` is the column at which the piece begins, a whole number of steps, and ``steps`` how many it has.
    """
    kind = instruction.instance_class()

    def emit(context, builder, signature, arguments):
        arrays = _Arrays(context, builder, signature, arguments)
        _, _, row, _, group, _, part, column, n, _, place = arguments
        addresses = [arrays.address(1, builder.add(row, LONG(i)), column) for i in range(kind.rows)]
        points = arrays.address(3, group, builder.udiv(column, LONG(kind.depth)))
        start = arrays.address(5, part, builder.mul(group, LONG(group_of(kind))))
        if isinstance(kind, Amx):
            rows = addresses[0], arrays.stride(1)
            tiles.emit_products(builder, *rows, points, start, n, arrays.address(9, place))
        else:
            emit_products(Emitter(builder, kind), addresses, points, start, n, arrays.address(9, place))
        return context.get_dummy_value()

    whole = types.int64
    return types.void(instruction, rows, whole, groups, whole, starts, whole, whole, whole, out, whole), emit


@intrinsic
def crossed(typingctx, instruction, first, second, i, other, other_second, j, begin, n_columns):
    """The sum of first[i]·other_second[j] and second[i]·other[j] over columns, whole 64s, from ``begin`` on."""
    kind = instruction.instance_class()

    def emit(context, builder, signature, arguments):
        arrays = _Arrays(context, builder, signature, arguments)
        _, _, _, row, _, _, column, at, n = arguments
        given = [arrays.address(number, place, at) for number, place in ((1, row), (2, row), (4, column), (5, column))]
        return emit_crossed(Emitter(builder, kind), given, builder.udiv(n, LONG(kind.lanes * kind.depth)))

    whole = types.int64
    return types.int32(instruction, first, second, whole, other, other_second, whole, whole, whole), emit


@intrinsic
def below(typingctx, instruction, half, scale, limit, halves, scales, at, limits, out, i):
    """The bits of those columns of a group, which begins at ``at``, of which (half + halves) − scale·scales·out[i] is
    below a limit.
    """
    kind = instruction.instance_class()

    def emit(context, builder, signature, arguments):
        arrays = _Arrays(context, builder, signature, arguments)
        columns = [arrays.address(4, arguments[6]), arrays.address(5, arguments[6]), arrays.address(7)]
        return emit_below(Emitter(builder, kind), list(arguments[1:4]), columns, arrays.address(8, arguments[9]))

    one, whole = types.float32, types.int64
    return types.uint64(instruction, one, one, one, halves, scales, whole, limits, out, whole), emit


@intrinsic
def count_bits(typingctx, mask):
    """How many bits of a mask are set."""

    def emit(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), emit


@intrinsic
def lowest_bit(typingctx, mask):
    """The number of the lowest bit of a mask that is set."""

    def emit(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), emit
