"""Spelling: how a tokenizer wants texts and proteins written, told by what it does not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layerscape.errors import InvalidValue

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
MARKS = "▁Ġ#"  # with which tokenizers mark where a word begins or goes on
MOST_LETTERS = 40  # of a vocabulary of residues, ambiguous ones and marks of gaps included
UNKNOWN = 0.5  # share of unknown tokens above which samples are refused
SOME = 0.05  # share that is said

Tokenize = Callable[[Sequence[str]], Mapping[str, list[list[int]]]]


@dataclass(frozen=True)
class Spelling:
    """How a protein is written for a tokenizer: in capitals, with a blank between two residues."""

    capitals: bool = False
    spaced: bool = False

    def __call__(self, protein: str) -> str:
        """A protein so written; blanks and line breaks that it came with are no part of it.

        >>> Spelling(capitals=True, spaced=True)("mk t"), Spelling()(" M K ")
        ('M K T', 'MK')
        """
        residues = "".join(protein.split())
        residues = residues.upper() if self.capitals else residues
        return " ".join(residues) if self.spaced else residues


def spelling_of(tokenize: Tokenize, unknown: int | None) -> Spelling:
    """The plainest spelling in which the tokenizer knows most of the twenty residues."""

    def n_unknown(spelling: Spelling, residues: str = RESIDUES) -> int:
        return _content(tokenize([spelling(residues)]))[0].count(-1 if unknown is None else unknown)

    spaced = n_unknown(Spelling(spaced=True)) < n_unknown(Spelling())
    small, large = (n_unknown(Spelling(spaced=spaced), residues) for residues in (RESIDUES.lower(), RESIDUES))
    return Spelling(capitals=small > large, spaced=spaced)


def knows_residues_only(tokenizer: Any) -> bool:
    """Whether the words of a tokenizer are those of proteins: single letters, all twenty residues among them."""
    words = {word.strip(MARKS) for word in tokenizer.get_vocab() if word not in tokenizer.all_special_tokens}
    letters = {word for word in words if word.isalpha() and word.isascii()}
    short = all(len(word) == 1 for word in letters) and len(words) <= MOST_LETTERS
    return short and set(RESIDUES) <= letters


def check_known(
    model: str, contents: Sequence[str], rows: Sequence[Mapping[str, list[int]]], unknown: int | None, cut: int
) -> str:
    """Raise if a model is told hardly anything by its tokens of some samples; return what is to be said of them.

    Parameters
    ----------
    model
        What the user calls it.
    contents
        Some samples.
    rows
        Their ``input_ids`` and ``special_tokens_mask``.
    unknown
        The token that stands for whatever the tokenizer does not know, if it has one.
    cut
        How many of them were cut at the greatest length.

    Raises
    ------
    InvalidValue
        If most tokens are unknown, or most samples that differ have the same tokens.
    """
    ids = _content({key: [row[key] for row in rows] for key in ("input_ids", "special_tokens_mask")})
    n_tokens = sum(map(len, ids))
    n_unknown = sum(token == unknown for row in ids for token in row)
    if n_unknown > UNKNOWN * n_tokens:
        worst = next(content for content, row in zip(contents, ids, strict=True) if unknown in row)
        raise InvalidValue(
            f"of {len(ids)} samples that were tried {model} knows {n_tokens - n_unknown} of {n_tokens} tokens, the "
            f"others are unknown to it, first in {worst[:20]!r}; give samples in the language and the letters that it "
            "was trained on, or another model."
        )
    n_texts, n_rows = len(set(contents)), len({tuple(row) for row in ids})
    if n_texts > 2 * n_rows or (n_texts > 1 and n_rows == 1):
        why = "they begin alike and are cut" if cut else "the tokenizer keeps nothing of what differs"
        raise InvalidValue(
            f"{n_texts} different samples that were tried have {n_rows} different rows of tokens for {model}: {why}; "
            f"give {'a greater --max-length' if cut else 'another model'}, or other samples."
        )
    share = n_unknown / max(1, n_tokens)
    return f"{share:.0%} of the tokens of {len(ids)} samples are unknown to {model}" if share > SOME else ""


def _content(table: Mapping[str, list[list[int]]]) -> list[list[int]]:
    """The tokens of every sample that are not special."""
    pairs = zip(table["input_ids"], table["special_tokens_mask"], strict=True)
    return [[token for token, special in zip(*pair, strict=True) if not special] for pair in pairs]
