"""Sums of products of bytes by tiles, registers of sixteen rows of 64 bytes (Intel's AMX).

Tiles are named by number. Four of them hold the sums of sixteen rows with sixteen points each, one the rows, and two in
turn the points, four bytes of each point after the other.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

TILE = 16  # rows of a tile, and points of a tile of sums
LINE = 64  # bytes of a tile's row
SUMS, ROWS, POINTS = (0, 1, 2, 3), 4, (5, 6)
BYTE, WORD, LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
ADDRESS = BYTE.as_pointer()
ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA = 158, 0x1023, 18  # of Linux on x86-64


@cache
def allowed() -> bool:
    """Whether this process may use tiles, for which Linux wants to be asked, since every thread can then take more
    memory; elsewhere they are not used.
    """
    if not sys.platform.startswith("linux"):
        return False
    return ctypes.CDLL(None).syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0


def emit_sizes(builder: Any) -> None:
    """Say how large tiles are: 64 bytes laid out as the instruction wants them."""
    sizes = np.zeros(64, np.uint8)
    sizes[0] = 1
    sizes[16:32].view(np.uint16)[: POINTS[-1] + 1] = LINE
    sizes[48 : 48 + POINTS[-1] + 1] = TILE
    place = cgutils.alloca_once_value(builder, ir.Constant(ir.ArrayType(BYTE, 64), bytearray(sizes.tobytes())))
    _call(builder, "ldtilecfg", builder.bitcast(place, ADDRESS))


def emit_released(builder: Any) -> None:
    """Let go of the tiles, which would be saved whenever threads change."""
    _call(builder, "tilerelease")


def emit_products(builder: Any, rows: Any, apart: Any, group: Any, starts: Any, n: Any, out: Any) -> None:
    """Write ``starts`` and the sums of products of rows, ``apart`` bytes from each other, with a group of points to
    ``out``; they have n times four bytes, whole tiles.
    """
    group_line = LONG(len(SUMS) * LINE)
    for v in SUMS:  # every row of it the same
        _call(builder, "tileloadd64", BYTE(v), builder.gep(starts, [LONG(v * LINE)]), LONG(0))
    with cgutils.for_range(builder, builder.udiv(n, LONG(TILE)), intp=LONG) as loop:
        row = builder.gep(rows, [builder.mul(loop.index, LONG(LINE))])
        here = builder.gep(group, [builder.mul(loop.index, builder.mul(group_line, LONG(TILE)))])
        _call(builder, "tileloadd64", BYTE(ROWS), row, apart)
        for v in SUMS:
            points = BYTE(POINTS[v % 2])
            _call(builder, "tileloadd64", points, builder.gep(here, [LONG(v * LINE)]), group_line)
            _call(builder, "tdpbusd", BYTE(v), BYTE(ROWS), points)
    for v in SUMS:
        _call(builder, "tilestored64", BYTE(v), builder.gep(out, [LONG(v * LINE)]), group_line)
    with cgutils.for_range(builder, LONG(len(SUMS) * TILE), intp=LONG) as loop:
        whole, floats = ir.VectorType(WORD, TILE), ir.VectorType(ir.FloatType(), TILE)
        place = builder.gep(builder.bitcast(out, whole.as_pointer()), [loop.index])
        sums = builder.sitofp(builder.load(place, align=4), floats)
        builder.store(sums, builder.bitcast(place, floats.as_pointer()), align=4)


def _call(builder: Any, name: str, *values: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), values)
