"""Processors' instructions for sums of products of bytes, and the inner loops that are made of them.

An instruction is a named tuple, so that numba compiles the loops anew for each. It multiplies the bytes of a row with
those of ``lanes`` points at a time, ``depth`` bytes of each, and adds the products to int32 sums without saturating:
as long as a sum fits int32 at its end, it is exact, whatever wrapped around before. One pass over a group of points
multiplies ``rows`` rows with it, and takes a whole number of ``steps`` of so many bytes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core.registry import cpu_target

from layerscape.search.kernels import tiles
from layerscape.search.kernels.tiles import BYTE, LONG, TILE, WORD

ROWS = 6  # that one pass multiplies where sums are in registers of one row


class Amx(NamedTuple):
    """Sixteen by sixteen sums of sixty-four products, of unsigned by signed bytes; single rows by AVX-512 VNNI."""

    lanes: int = 16
    rows: int = TILE

    needs = ({"amx-int8", "amx-tile", "avx512f", "avx512bw", "avx512vnni"},)
    words = "AMX"
    vectors, depth, steps, offset, row_type = 4, 4, TILE, 128, np.uint8
    name = "llvm.x86.avx512.vpdpbusd.512"


class Avx512Vnni(NamedTuple):
    """Sixteen sums of four products, of unsigned by signed bytes."""

    lanes: int = 16
    rows: int = ROWS

    needs = ({"avx512f", "avx512bw", "avx512vnni"},)
    words = "AVX-512 VNNI"
    vectors, depth, steps, offset, row_type = 4, 4, 1, 128, np.uint8
    name = "llvm.x86.avx512.vpdpbusd.512"


class AvxVnni(NamedTuple):
    """Eight sums of four products, of unsigned by signed bytes."""

    lanes: int = 8
    rows: int = ROWS

    needs = {"avx2", "avxvnni"}, {"avx512vl", "avx512vnni"}
    words = "AVX-VNNI"
    vectors, depth, steps, offset, row_type = 2, 4, 1, 128, np.uint8
    name = "llvm.x86.avx512.vpdpbusd.256"


class Avx2(NamedTuple):
    """Eight sums of two products of bytes that were widened to int16; the product of bytes itself saturates."""

    lanes: int = 8
    rows: int = ROWS

    needs = ({"avx2"},)
    words = "AVX2"
    vectors, depth, steps, offset, row_type = 2, 2, 1, 0, np.int16
    name = "llvm.x86.avx2.pmadd.wd"


class ArmDot(NamedTuple):
    """Four sums of four products of signed bytes."""

    lanes: int = 4
    rows: int = ROWS

    needs = ({"neon", "dotprod"},)
    words = "Arm dot products"
    vectors, depth, steps, offset, row_type = 4, 4, 1, 0, np.int8
    name = "llvm.aarch64.neon.sdot.v4i32.v16i8"


INSTRUCTIONS = (Amx(), Avx512Vnni(), AvxVnni(), ArmDot(), Avx2())  # the fastest first


def group_of(instruction: Any) -> int:
    """How many points are multiplied at a time."""
    return instruction.lanes * instruction.vectors


def available() -> list[Any]:
    """The instructions of the processor that code is compiled for here, the fastest first."""
    context: Any = cpu_target.target_context
    named = context.codegen().magic_tuple()[2].split(",")
    there = {name[1:] for name in named if name.startswith("+")}
    kinds = [kind for kind in INSTRUCTIONS if any(need <= there for need in kind.needs)]
    return [kind for kind in kinds if not isinstance(kind, Amx) or tiles.allowed()]


class Emitter:
    """Writes an instruction into a function that is being built."""

    def __init__(self, builder: Any, kind: Any):
        self.builder, self.kind = builder, kind
        self.sums = ir.VectorType(WORD, kind.lanes)
        self.floats = ir.VectorType(ir.FloatType(), kind.lanes)
        self.bytes = ir.VectorType(BYTE, kind.lanes * kind.depth)
        wide = kind.row_type is np.int16
        self.rows = ir.VectorType(ir.IntType(16), kind.lanes * 2) if wide else self.bytes
        # What the instruction takes: x86 counts four bytes as one number.
        self.operand = self.sums if kind.offset else self.rows
        given = [self.rows, self.rows] if wide else [self.sums, self.operand, self.operand]
        self.function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(self.sums, given), kind.name)

    def zero(self) -> Any:
        return ir.Constant(self.sums, [0] * self.kind.lanes)

    def load(self, address: Any, kind: ir.Type, place: Any = 0) -> Any:
        """Number ``place`` of the values of a kind that lie one after the other from an address on."""
        number = LONG(place) if isinstance(place, int) else place
        return self.builder.load(self.builder.gep(self.builder.bitcast(address, kind.as_pointer()), [number]), align=1)

    def everywhere(self, value: Any) -> Any:
        """A vector of one value."""
        empty = ir.Constant(ir.VectorType(value.type, self.kind.lanes), ir.Undefined)
        first = self.builder.insert_element(empty, value, WORD(0))
        return self.builder.shuffle_vector(first, empty, ir.Constant(self.sums, [0] * self.kind.lanes))

    def row_word(self, address: Any, place: Any) -> Any:
        """The next values of a row, in every lane."""
        return self.builder.bitcast(self.everywhere(self.load(address, WORD, place)), self.operand)

    def row_part(self, address: Any, place: Any) -> Any:
        """As many values of a row as the instruction multiplies."""
        return self.builder.bitcast(self.load(address, self.rows, place), self.operand)

    def point_part(self, address: Any, place: Any) -> Any:
        """As many bytes of points as the instruction multiplies."""
        loaded = self.load(address, self.bytes, place)
        if self.rows != self.bytes:
            return self.builder.sext(loaded, self.rows)
        return self.builder.bitcast(loaded, self.operand)

    def added(self, total: Any, rows: Any, points: Any) -> Any:
        if self.rows != self.bytes:
            return self.builder.add(total, self.builder.call(self.function, [rows, points]))
        return self.builder.call(self.function, [total, rows, points])

    def sum(self, vector: Any) -> Any:
        """Of all lanes."""
        half = self.kind.lanes
        while half > 1:
            half //= 2
            places = [ir.Constant(ir.VectorType(WORD, half), list(range(at, at + half))) for at in (0, half)]
            vector = self.builder.add(*[self.builder.shuffle_vector(vector, vector, place) for place in places])
        return self.builder.extract_element(vector, WORD(0))


def emit_products(write: Emitter, rows: list[Any], group: Any, starts: Any, n: Any, out: Any):
    """Write ``starts`` and the sums of products of rows, an address each, with a group of points to ``out``."""
    builder, vectors = write.builder, write.kind.vectors
    sums = [[cgutils.alloca_once(builder, write.sums) for _ in range(vectors)] for _ in rows]
    for v in range(vectors):
        start = write.load(starts, write.sums, v)
        for row in sums:
            builder.store(start, row[v])
    with cgutils.for_range(builder, n, intp=LONG) as loop:
        first = builder.mul(loop.index, LONG(vectors))
        points = [write.point_part(group, builder.add(first, LONG(v))) for v in range(vectors)]
        for row, address in zip(sums, rows, strict=True):
            word = write.row_word(address, loop.index)
            for total, point in zip(row, points, strict=True):
                builder.store(write.added(builder.load(total), word, point), total)
    place = builder.bitcast(out, write.floats.as_pointer())
    for number, total in enumerate(total for row in sums for total in row):
        value = builder.sitofp(builder.load(total), write.floats)
        builder.store(value, builder.gep(place, [LONG(number)]), align=4)


def emit_crossed(write: Emitter, given: list[Any], n: Any) -> Any:
    """The sum of products of one row with the second bytes of another, and the other way around."""
    builder = write.builder
    totals = [cgutils.alloca_once_value(builder, write.zero()) for _ in range(2)]
    with cgutils.for_range(builder, n, intp=LONG) as loop:
        for total, (row, second) in zip(totals, ((given[0], given[3]), (given[2], given[1])), strict=True):
            parts = write.row_part(row, loop.index), write.point_part(second, loop.index)
            builder.store(write.added(builder.load(total), *parts), total)
    return write.sum(builder.add(*[builder.load(total) for total in totals]))


def emit_below(write: Emitter, row: list[Any], columns: list[Any], out: Any) -> Any:
    """The bits of those columns of which (half + halves) − scale·scales·out is below the larger of two limits."""
    builder, mask = write.builder, LONG(0)
    half, scale, limit = (write.everywhere(value) for value in row)
    for v in range(write.kind.vectors):
        halves, scales, limits, products = (write.load(column, write.floats, v) for column in (*columns, out))
        product = builder.fmul(builder.fmul(scale, scales), products)
        bound = builder.fsub(builder.fadd(half, halves), product)
        higher = builder.select(builder.fcmp_ordered(">", limit, limits), limit, limits)
        bits = builder.bitcast(builder.fcmp_ordered("<", bound, higher), ir.IntType(write.kind.lanes))
        mask = builder.or_(mask, builder.shl(builder.zext(bits, LONG), LONG(v * write.kind.lanes)))
    return mask
