"""How proteins are written for a tokenizer, and texts of which it knows nothing."""

import re

import pytest

from layerscape.errors import InvalidValue
from layerscape.extraction.spelling import RESIDUES, Spelling, check_known, knows_residues_only, spelling_of


def tokenizer_of(words, *, unknown="[UNK]", split=True, **roles):
    """Knows these words, between blanks or by the letter."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = ["[PAD]", *([unknown] if unknown else []), *words]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(names)}, unk_token=unknown))
    letters = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit() if split else letters
    roles |= {"unk_token": unknown} if unknown else {}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", **roles)


def spelled(tokenizer):
    def tokenize(contents):
        return tokenizer(list(contents), return_special_tokens_mask=True)

    return spelling_of(tokenize, tokenizer.unk_token_id)


@pytest.mark.parametrize(
    ("words", "split", "spelling"),
    [
        (RESIDUES, True, Spelling(capitals=True, spaced=True)),  # as AntiBERTy and ProtBERT
        (RESIDUES, False, Spelling(capitals=True)),  # as ESM
        (RESIDUES + RESIDUES.lower(), False, Spelling()),
        (RESIDUES + RESIDUES.lower(), True, Spelling(spaced=True)),
        (["cat", "sat"], True, Spelling()),  # no protein at all, however it is written
    ],
)
def test_proteins_are_written_as_the_tokenizer_knows_them(words, split, spelling):
    assert spelled(tokenizer_of(words, split=split)) == spelling


def test_a_tokenizer_of_residues_is_told_by_its_words():
    assert knows_residues_only(tokenizer_of(RESIDUES + "XUBZO-."))
    assert knows_residues_only(tokenizer_of([f"▁{residue}" for residue in RESIDUES]))
    assert not knows_residues_only(tokenizer_of("ACGTN"))
    assert not knows_residues_only(tokenizer_of([*RESIDUES, "the"]))
    assert not knows_residues_only(tokenizer_of([chr(i) for i in range(33, 127)]))  # a model of characters


def rows_of(*ids):
    return [{"input_ids": list(row), "special_tokens_mask": [0] * len(row)} for row in ids]


def refused(message, contents, rows, unknown=1, cut=0):
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$"):
        check_known("m", contents, rows, unknown, cut)


def test_texts_that_are_mostly_unknown_are_refused():
    rows = rows_of([5, 1], [1, 1, 1])
    message = (
        "of 2 samples that were tried m knows 1 of 5 tokens, the others are unknown to it, first in 'as ☃'; "
        "give samples in the language and the letters that it was trained on, or another model."
    )
    refused(message, ["as ☃", "☃ ☃ ☃"], rows)
    assert check_known("m", ["as ☃", "☃ ☃ ☃"], rows, None, 0) == ""  # what has no such token knows all
    assert (
        check_known("m", ["as ☃", "a"], rows_of([5, 1], [6]), 1, 0) == "33% of the tokens of 2 samples are unknown to m"
    )
    assert check_known("m", ["as", "a"], rows_of([5, 7], [6]), 1, 0) == ""


def test_samples_that_differ_and_have_the_same_tokens_are_refused():
    start = "3 different samples that were tried have 1 different rows of tokens for m: "
    texts = ["so it goes", "so it went", "so it was"]
    same = rows_of(*[[5, 6]] * 3)
    refused(f"{start}they begin alike and are cut; give a greater --max-length, or other samples.", texts, same, cut=3)
    why = "the tokenizer keeps nothing of what differs; give another model, or other samples."
    refused(f"{start}{why}", texts, same)
    assert check_known("m", ["Yes", "yes", "no"], rows_of([5], [5], [6]), 1, 0) == ""
    assert check_known("m", ["yes"] * 3, rows_of(*[[5]] * 3), 1, 0) == ""
    assert check_known("m", ["yes"], rows_of([5]), 1, 0) == ""
