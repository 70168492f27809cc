"""Pairs: which samples answer which, as a passage answers a query, a translation a sentence, a homolog a protein."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from layerscape.core.labels import categories_of, labels_at, missing
from layerscape.core.listing import Listed, listing_of
from layerscape.errors import InvalidType, InvalidValue

Named = Callable[[int], str]  # what a message calls the sample of a row


@dataclass(frozen=True, eq=False)
class Pairs:
    """P pairs of a query and a partner that answers it, among N samples.

    A sample that is asked and answers nobody, as a query among passages, is looked for by no other query: it is no
    candidate. All other samples are candidates of every query but themselves, whether they answer one or none.

    Attributes
    ----------
    n_samples
        N.
    queries, partners
        Shape (P,): row numbers; a query may have several partners, and a partner several queries.
    grades
        Shape (P,): above 0; how well the partner answers.
    asking
        Shape (N,): which samples are no candidates.
    warnings
        What was left out, in words.

    Examples
    --------
    >>> pairs = Pairs.of([(0, 2), (0, 3), (1, 4)], 6)
    >>> pairs.asked, pairs.sizes, pairs.candidates
    (array([0, 1]), array([2, 1]), array([4, 4]))
    >>> Pairs.of(["a", "a", "b", "b"], 4).partners
    array([1, 0, 3, 2])
    """

    n_samples: int
    queries: np.ndarray
    partners: np.ndarray
    grades: np.ndarray
    asking: np.ndarray
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Any, n_samples: int) -> Pairs:
        """From row numbers or from a column of N values, of which samples with the same one are each other's partners.

        Parameters
        ----------
        given
            Shape (P, 2), the rows of a query and of its partner, or (P, 3) with a grade; a table with the columns
            query, relevant and, where partners are graded, grade; a dict from a query to its partner, to several, or
            to a dict of partner to grade; or shape (N,), one value per sample, None for one that has no partner.
        n_samples
            N.

        Raises
        ------
        InvalidValue, InvalidType
            If there are none, a row is not there, a sample is paired with itself, a pair is listed twice, a grade is
            negative or not finite, or all that could be found are partners.
        """
        if isinstance(given, Pairs):
            if given.n_samples != n_samples:
                raise InvalidValue(
                    f"pairs of {given.n_samples} samples, and there are {n_samples}; give pairs of these."
                )
            return given
        found = given if isinstance(given, Listed) else listing_of(given)
        if found is None:
            return cls.sharing(given, n_samples)
        return cls.listed(found, (rows_in(found.queries, n_samples), rows_in(found.partners, n_samples)), n_samples)

    @classmethod
    def listed(cls, found: Listed, rows: tuple[np.ndarray, np.ndarray], n_samples: int, named: Named = str) -> Pairs:
        """From a list of which each side is known by its rows."""
        queries, partners = rows
        if len(itself := np.flatnonzero(queries == partners)):
            raise InvalidValue(
                f"pair {int(itself[0])} is sample {named(int(queries[itself[0]]))} with itself; give two different "
                "samples."
            )
        asking = np.zeros(n_samples, bool)
        asking[queries] = True
        asking[partners] = False
        return cls._made(found, queries, partners, asking, named, named)

    @classmethod
    def across(
        cls, found: Listed, rows: tuple[np.ndarray, np.ndarray], sizes: tuple[int, int], named: tuple[Named, Named]
    ) -> Pairs:
        """Of queries that are other samples than the references among which they look: the samples are both, in this
        order, ``sizes`` how many there are of each.
        """
        n_queries, n_references = sizes
        asking = np.arange(n_queries + n_references) < n_queries
        return cls._made(found, rows[0], rows[1] + n_queries, asking, named[0], lambda row: named[1](row - n_queries))

    @classmethod
    def _made(
        cls, found: Listed, queries: np.ndarray, partners: np.ndarray, asking: np.ndarray, query: Named, partner: Named
    ) -> Pairs:
        n_samples = len(asking)
        _, first, number = np.unique(queries * n_samples + partners, return_index=True, return_inverse=True)
        if len(first) < len(queries):
            again = int(np.flatnonzero(first[number] != np.arange(len(queries)))[0])
            raise InvalidValue(
                f"pairs {int(first[number[again]])} and {again} are both of query {query(int(queries[again]))} and "
                f"partner {partner(int(partners[again]))}; leave one."
            )
        kept = found.grades > 0
        if not kept.any():
            raise InvalidValue("no pair has a grade above 0, so that no query has a partner; give one at least.")
        without = len(np.setdiff1d(queries, queries[kept]))
        some = f"{without} of {len(np.unique(queries))} queries"
        words = (f"{some} have no partner with a grade above 0 and are left out",) if without else ()
        pairs = cls(n_samples, queries[kept], partners[kept], found.grades[kept], asking, words)
        return pairs._checked(query)

    @classmethod
    def sharing(cls, column: Any, n_samples: int) -> Pairs:
        """From one value per sample: those with the same value are each other's partners."""
        gaps = missing(column)
        known = np.arange(n_samples) if gaps is None or len(gaps) != n_samples else np.flatnonzero(~gaps)
        if not len(known):
            raise InvalidValue(f"none of {n_samples} samples has a value that says who is its partner; give some.")
        shared = labels_at(column, known) if len(known) < n_samples else column
        codes = categories_of(shared, len(known), "pair")
        sizes = np.bincount(codes)
        order = np.argsort(codes, kind="stable")
        # Every member of a value beside every other, value by value.
        members = np.split(known[order], np.cumsum(sizes)[:-1])
        sides = [np.meshgrid(each, each, indexing="ij") for each in members if len(each) > 1]
        if not sides:
            raise InvalidValue(f"each of {n_samples} samples has a value of its own; give values that partners share.")
        queries, partners = (np.concatenate([side[place].ravel() for side in sides]) for place in (0, 1))
        apart = queries != partners
        queries, partners = queries[apart], partners[apart]
        order = np.lexsort((partners, queries))
        alone = n_samples - int(sizes[sizes > 1].sum())
        words = (
            (f"{alone} of {n_samples} samples have no partner: they are candidates and no queries",) if alone else ()
        )
        grades, asking = np.ones(len(order)), np.zeros(n_samples, bool)
        return cls(n_samples, queries[order], partners[order], grades, asking, words)._checked(str)

    def _checked(self, named: Named) -> Pairs:
        full = np.flatnonzero(self.sizes >= self.candidates)
        if len(full):
            many = int(self.candidates[full[0]])
            raise InvalidValue(
                f"all {many} samples that query {named(int(self.asked[full[0]]))} could find are its partners; give "
                "some that are none."
            )
        return self

    @cached_property
    def asked(self) -> np.ndarray:
        """Shape (Q,): the samples that are queries, by increasing row."""
        return np.unique(self.queries)

    @cached_property
    def number(self) -> np.ndarray:
        """Shape (P,): which of the queries a pair is of, 0…Q−1."""
        return np.searchsorted(self.asked, self.queries)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Shape (Q,): how many partners each query has."""
        return np.bincount(self.number, minlength=len(self.asked))

    @cached_property
    def candidates(self) -> np.ndarray:
        """Shape (Q,): among how many samples each looks for them."""
        return int((~self.asking).sum()) - (~self.asking[self.asked]).astype(int)

    def one_to_one(self) -> np.ndarray:
        """Shape (P, 2): the rows of pairs whose samples have one partner each; of two that are each other's, once.

        Raises
        ------
        InvalidValue
            If a sample has several partners.
        """
        back = np.isin(self.queries * self.n_samples + self.partners, self.partners * self.n_samples + self.queries)
        rows = self.rows()[~(back & (self.queries > self.partners))]
        if len(twice := np.flatnonzero(np.bincount(rows.ravel()) > 1)):
            raise InvalidValue(
                f"sample {int(twice[0])} has several partners; give pairs of samples that have one partner each."
            )
        return rows

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Shape (Q,): the mean over the partners of each query of one value per pair."""
        return np.bincount(self.number, values, len(self.asked)) / self.sizes

    def per_sample(self, values: np.ndarray) -> np.ndarray:
        """Shape (N,): one value per query, NaN for samples that are none."""
        found = np.full(self.n_samples, np.nan)
        found[self.asked] = values
        return found

    def orders(self, number: int, seed: int) -> Iterator[np.ndarray]:
        """So many orders of the samples in which candidates change places, and queries that are none stay."""
        rng, rows = np.random.default_rng(seed), np.flatnonzero(~self.asking)
        for _ in range(number):
            order = np.arange(self.n_samples)
            order[rows] = rng.permutation(rows)
            yield order

    def rows(self, order: np.ndarray | None = None) -> np.ndarray:
        """Shape (P, 2): queries and partners, with sample i in the place of sample ``order[i]``."""
        rows = np.stack([self.queries, self.partners], axis=1)
        return rows if order is None else np.argsort(order)[rows]


def rows_in(given: Sequence[Any], n_samples: int) -> np.ndarray:
    """Row numbers of one side of pairs; raises at one that is none of N samples."""
    rows = np.asarray(given)
    if rows.dtype.kind == "U" and all(map(str.isdecimal, rows.tolist())):  # as files have them
        rows = rows.astype(np.int64)
    if rows.dtype.kind == "f" and (rows == np.round(rows)).all():
        rows = rows.astype(np.int64)
    if rows.dtype.kind not in "iu":
        raise InvalidType(f"pairs of {rows.dtype}, the first {given[0]!r}; give row numbers: a query and its partner.")
    if len(outside := np.flatnonzero((rows < 0) | (rows >= n_samples))):
        raise InvalidValue(
            f"row {int(rows[outside[0]])} in pair {int(outside[0])} of {n_samples} samples; rows must lie in "
            f"0..{n_samples - 1}."
        )
    return rows.astype(np.int64)
