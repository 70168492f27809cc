"""`find_neighbors`: the one door to the engines. Copies are searched once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Unpack

from layerscape.core.frame import standardized_as
from layerscape.core.keywords import Search, chosen, door
from layerscape.core.lists import as_vectors
from layerscape.core.neighbors import Neighbors
from layerscape.core.threads import workers
from layerscape.errors import InvalidValue
from layerscape.search.asking import Asking, asked_of, at_most, check_k, check_lists_fit, leaving_out
from layerscape.search.copies import expand
from layerscape.search.distances import distances_of
from layerscape.search.engine import Found, Job, nothing_found
from layerscape.search.engines import engine_for
from layerscape.search.members import Members, QueryPart, parts
from layerscape.search.rows import Rows, check_width, distinct_points, scale_together

PER_NEIGHBOR = 46  # bytes while a search lasts


@door
def find_neighbors(
    x: Any,
    k: int,
    *,
    queries: Any = None,
    groups: Any = None,
    lag: int | None = None,
    cluster: Any = None,
    folder: str | Path | None = None,
    progress: Callable[[int], None] | None = None,
    **search: Unpack[Search],
) -> Neighbors:
    """The exact k nearest neighbors of samples, as a graph.

    Neighbors are ordered by squared distance and then by index; a sample is never its own neighbor, and an exact copy
    of it is one at distance 0. Distances are computed in float64 from differences of the stored values.

    Parameters
    ----------
    x
        Shape (N, D): a `Representation`, array, memmap, Zarr array or torch tensor.
    k
        Number of neighbors, in 1…N−1; less where samples are left out.
    queries
        Row numbers, to ask only for some samples; or a matrix of M other points, of which each may have up to N
        neighbors. All rows when None.
    groups
        One category per sample (a subject, a text, a family): members of a sample's own group are none of its
        neighbors, copies of it among them, so that k may be at most N less the size of the largest group.
    lag
        Samples up to so many rows before or after a sample are none of its neighbors, where rows are in the order of
        time (a Theiler window); 0 leaves out none. Not together with ``groups``.
    cluster
        Who searches, in place of this machine: ``"tcp://HOST:PORT"``, ``"local:4"`` (so many processes here),
        ``"slurm:FILE"``, or a dask client or cluster; docs/large.md. ``x`` may then also be the path or URL of a Zarr
        array, or a dask array, and is never held in memory. The graph is the same to the bit.
    folder
        Of a search by a cluster: where all machines write and see what is finished, which stays there, so that a
        search that was interrupted goes on. A temporary one of this machine when left out.
    progress
        Called with the number of queries finished since the last call.
    metric
        ``"euclidean"``, or ``"cosine"``: the Euclidean distance between unit vectors (the chord).
    standardize
        ``"units"``: before the search every unit is brought to mean 0 and standard deviation 1 over the samples (a
        constant unit to 0), so that none decides by its scale. Queries that are points are brought to the same scale.
    near_copies
        Changes no graph: samples nearer than this share of the median first-neighbor distance are left out of
        dimensions like exact copies are, and counted; 0 keeps them.
    device
        ``"cpu"``; ``"cuda"``, ``"cuda:1"``, …, where torch multiplies matrices on a GPU; or ``"auto"``, which takes
        CUDA where it is there and the search large. The graph is the same to the bit.
    memory
        Bytes of working memory, beside what grows with the result: 16 bytes for each neighbor and about 30 more until
        the search is done.
    threads
        How many may run at a time; as many as there are processors, or as OMP_NUM_THREADS says, when left out.

    Returns
    -------
    Neighbors
        Of all samples, or of the queries in the order they were given in.

    Raises
    ------
    InvalidValue, InvalidType
        If k is out of range, a group is missing or all are one, a value is not finite, widths differ, a row of zeros
        meets ``metric="cosine"``, or the device is not there or its memory too small.
    ClusterProblem
        If a cluster is not there or is lost, or its workers run other versions or do not see the folder.
    FileProblem
        If what a cluster reads cannot be read, or is changed during the search.
    MissingExtra
        If a GPU is asked for and torch is not installed, or a cluster and dask is not.

    Examples
    --------
    >>> import numpy as np
    >>> find_neighbors(np.array([[0.0], [1.0], [3.0]]), k=2).indices
    array([[1, 2],
           [0, 2],
           [1, 0]])
    >>> find_neighbors(np.array([[0.0], [1.0], [3.0]]), k=1, groups=["a", "a", "b"]).indices
    array([[2],
           [2],
           [1]])
    """
    wish = Asking(x, k, queries, groups, lag, *chosen(search), progress)
    if cluster is not None:
        from layerscape.search.spread import find_on  # what others need not load

        return find_on(cluster, wish, folder)
    if folder is not None:
        raise InvalidValue("folder is of a search by a cluster; give cluster= too, or leave it out.")
    return _find_here(wish)


def _find_here(wish: Asking) -> Neighbors:
    given, k, how, queries = as_vectors(wish.x), wish.k, wish.how, wish.queries
    x = wish.near.seen(given)
    check_width(x.n_units)
    near = leaving_out(wish.near, wish.groups, wish.lag, x.n_samples)
    query_rows, outside = asked_of(x.n_samples, x.n_units, queries)
    check_k(k, x.n_samples, near.apart, query_rows, external=outside is not None)
    check_lists_fit(len(query_rows), k, PER_NEIGHBOR)
    engine = engine_for(how.device, len(query_rows) * x.n_samples * x.n_units)
    tell = at_most(len(query_rows), wish.progress)
    with workers(how.n_threads) as pool:
        points, copies, seen = distinct_points(x, near.metric, pool)
        members = Members(copies, near.apart)
        if outside is None:
            wanted = points
            asked, which = members.asked(query_rows)
            scale_together(points, wanted, [seen])
        else:
            wanted = Rows(standardized_as(outside, given) if near.standardize else outside, near.metric)
            asked, which = members.outside(wanted.n_points)
            scale_together(points, wanted, [seen, wanted.overview(pool)])
        found: list[tuple[QueryPart, Found]] = []
        for part in parts(members, asked, k):
            some = wanted if outside is not None else points.take(part.asked.own)
            windows = members.windows(part.asked)
            job = Job(points, some, part.asked.own, windows, part.k, how.memory, pool, tell)
            found.append((part, engine(job) if part.k else nothing_found(some.n_points)))
        tell(len(query_rows))  # copies of queries are done with them
    listed = expand(found, members, asked, k).take(which)
    return Neighbors(
        listed.indices,
        distances_of(listed.squared, points.exponent),
        x.n_samples,
        x.n_units,
        near,
        None if queries is None else query_rows,
        copies,
        listed.border_starts,
        listed.border_copies,
        proven=True,
    )
