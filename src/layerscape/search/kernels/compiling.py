"""How the inner loops of the search are compiled: without what lets C call them, a tenth of a first call."""

from __future__ import annotations

from functools import partial

from layerscape.core import jit

compiled = partial(jit.compiled, no_cfunc_wrapper=True)
