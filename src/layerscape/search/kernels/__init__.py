"""The inner loops of the search."""

from layerscape.search.kernels.bounds import center_rows as center_rows
from layerscape.search.kernels.bounds import count_nearer as count_nearer
from layerscape.search.kernels.bounds import guess_limits as guess_limits
from layerscape.search.kernels.bounds import keep as keep
from layerscape.search.kernels.bounds import leave_out as leave_out
from layerscape.search.kernels.bounds import overview_rows as overview_rows
from layerscape.search.kernels.bounds import scan as scan
from layerscape.search.kernels.bounds import trim as trim
from layerscape.search.kernels.exact import exact_block as exact_block
from layerscape.search.kernels.exact import exact_pairs as exact_pairs
from layerscape.search.kernels.exact import order as order
