"""Texts: strings through a tokenizer, with what the pooling must know of their tokens."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Kind, TextPair
from layerscape.core.words import firsts
from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction.deployed import Deployment
from layerscape.extraction.hooks import Inputs
from layerscape.extraction.pooling import Tokens
from layerscape.extraction.readers import Encoded
from layerscape.extraction.spelling import Spelling, check_known, spelling_of

GENES = (
    "the sequences tried have no letters but A, C, G, T, U and N, as DNA and RNA have; each is read as an amino acid"
)


class Texts:
    """Texts and proteins through a tokenizer, padded on the right.

    Right padding is right for every network: a causal one never sees it, and positions count from the first token.
    Where the folder of the model says how it is deployed, texts are handed to the tokenizer in that way: without blanks
    around them, after a prompt if there is one by default, in small letters.

    Proteins are written as the tokenizer knows them (`spelling`).

    With a ``shuffle`` seed the tokens of every sample are put in random order, special tokens staying where they are:
    a control that keeps the words and takes the sentence. Of a model that has ``targets``, pairs are not read as one.
    """

    varies = True

    def __init__(
        self,
        tokenizer: Any,
        kind: Kind,
        accepted: Sequence[str],
        pad_id: int,
        vocabulary: int,
        max_length: int | None,
        own_length: int | None = None,
        shuffle: int | None = None,
        deployment: Deployment | None = None,
        targets: bool = False,
    ) -> None:
        self._shuffle, self._targets = shuffle, targets
        self._deployment, self.own_length = deployment, own_length
        self.kind: Kind = kind
        self.max_length = max_length
        self._tokenizer, self._accepted = tokenizer, accepted
        self._pad_id, self._vocabulary = pad_id, vocabulary
        self.n_prompt = 0
        self._spelling = Spelling()
        if kind == "protein":
            self._spelling = spelling_of(self._tokens, tokenizer.unk_token_id)
        # Before the first call, which leaves its padding and truncation in the serialized tokenizer.
        self._digest = _tokenizer_digest(tokenizer)
        proteins = ["MKTAYIAKQRQISFVKSHFSRQ", "MADEEKLPPGWEKRM"]
        texts = ["The sun rises in the east and sets in the west.", "Water boils."]
        self.examples = proteins if kind == "protein" else texts
        first = self._tokenize(self.examples[:1])["input_ids"][0][:1]
        self.n_prompt = self._count_prompt()
        self.has_cls = tokenizer.cls_token_id is not None and first == [tokenizer.cls_token_id]

    @property
    def mask(self) -> int | None:
        """The token that hides another, if it has one."""
        return self._tokenizer.mask_token_id

    def encode(self, contents: Sequence[Any], ids: Sequence[str]) -> list[Encoded]:
        for content, name in zip(contents, ids, strict=True):
            if not isinstance(content, (str, TextPair)):
                raise InvalidType(f"sample {name!r} is {type(content).__name__}; a {self.kind} must be a string.")
        if any(isinstance(content, TextPair) for content in contents):
            self._check_pairs()
        encoded, empty = [], []
        table = self._tokenize(contents)
        for i, (content, name) in enumerate(zip(contents, ids, strict=True)):
            row = {key: values[i] for key, values in table.items()}
            length = len(row["input_ids"])
            if truncated := self.max_length is not None and length > self.max_length:
                cut = self._tokenize([content], truncation=True, max_length=self.max_length)
                row = {key: values[0] for key, values in cut.items()}
            row["special_tokens_mask"] = self._special(row["special_tokens_mask"])
            self._check_known(row, name)
            if self._shuffle is not None:
                row = _shuffled(row, [self._shuffle, zlib.crc32(str(content).encode())])
            encoded.append(Encoded(row, len(row["input_ids"]), truncated))
            if not _words(content) or all(row["special_tokens_mask"]):
                empty.append(i)
        _refuse_empty([(ids[i], contents[i]) for i in empty])
        return encoded

    def batch(self, encoded: Sequence[Encoded]) -> tuple[Inputs, Tokens]:
        width = max(one.length for one in encoded)
        rows = [one.content for one in encoded]

        def padded(key: str, fill: int) -> torch.Tensor:
            array = np.full((len(rows), width), fill, dtype=np.int64)
            for i, row in enumerate(rows):
                array[i, : len(row[key])] = row[key]
            return torch.from_numpy(array)

        kwargs = {
            key: padded(key, self._pad_id if key == "input_ids" else 0) for key in rows[0] if key in self._accepted
        }
        special = padded("special_tokens_mask", 1).bool()
        real = torch.arange(width) < torch.tensor([one.length for one in encoded])[:, None]
        return Inputs(kwargs=kwargs), Tokens(real, real & ~special)

    def look(self, model: str, read: Callable[[], Sequence[Any]], ids: Sequence[str]) -> str:
        """Raise if the tokens of some samples tell the model hardly anything; return what is to be said of them."""
        contents = read()
        encoded = self.encode(contents, ids)
        cut = sum(one.truncated for one in encoded)
        rows = [one.content for one in encoded]
        texts = [content.joined if isinstance(content, TextPair) else content for content in contents]
        said = check_known(model, texts, rows, self._tokenizer.unk_token_id, cut)
        return "; ".join(filter(None, [said, GENES if self.kind == "protein" and _like_genes(texts) else ""]))

    def describe(self) -> dict[str, Any]:
        return {
            "tokenizer": type(self._tokenizer).__name__,
            "digest": self._digest,
            "max_length": self.max_length,
            "padding_side": "right",
            "shuffle_tokens": self._shuffle,
            **({"proteins": asdict(self._spelling)} if self._spelling != Spelling() else {}),
            **({"lower": told.lower, "prompt": told.prompt} if (told := self._deployment) else {}),
        }

    def _tokenize(self, contents: Sequence[str | TextPair], **options: Any) -> Mapping[str, list[list[int]]]:
        columns = [list(each) for each in zip(*(c if isinstance(c, TextPair) else (c,) for c in contents), strict=True)]
        if self.kind == "protein":
            columns = [[self._spelling(content) for content in column] for column in columns]
        if self._deployment is not None:
            columns = [[self._as_deployed(content) for content in column] for column in columns]
        return self._tokens(*columns, **options)

    def _tokens(self, *columns: Sequence[str], **options: Any) -> Mapping[str, list[list[int]]]:
        return self._tokenizer(
            *map(list, columns),
            return_special_tokens_mask=True,
            return_attention_mask=True,
            padding=False,
            verbose=False,
            **options,
        )

    def _special(self, mask: list[int]) -> list[int]:
        """The prompt is no more a part of the sample than a special token is."""
        return [1] * min(self.n_prompt, len(mask)) + mask[self.n_prompt :]

    def _as_deployed(self, content: str) -> str:
        """As sentence-transformers hands it to the tokenizer."""
        told = self._deployment
        if told is None:
            return content
        stripped = (told.prompt + content).strip()
        return stripped.lower() if told.lower else stripped

    def _count_prompt(self) -> int:
        """How many tokens at the start of every text are of the prompt, those that come before it included."""
        if self._deployment is None or not self._deployment.prompt:
            return 0
        ids = self._tokenize([""])["input_ids"][0]
        return len(ids) - (bool(ids) and ids[-1] in self._tokenizer.all_special_ids)

    def _check_pairs(self) -> None:
        """Raise if two texts cannot be shown together as the model was trained to read them."""
        if self._targets:
            raise InvalidValue(
                "pairs of texts for a model that has an encoder and a decoder, which may be a source and its target; "
                "say --part both (part=) to give one to each, or --part encoder to read both as one text."
            )
        if self._shuffle is not None:
            raise InvalidValue(
                "shuffled tokens of pairs of texts, which would carry words from one text into the other; leave "
                "--shuffle-tokens (shuffle_tokens=) out, or shuffle the words yourself."
            )
        if self.n_prompt:
            raise InvalidValue(
                "pairs of texts for a model that is deployed with a prompt before single texts; give single texts."
            )
        texts = [self._as_deployed(self._spelling(text) if self.kind == "protein" else text) for text in self.examples]
        alone, both = self._tokens(texts[:1]), self._tokens(texts[:1], texts[1:2])
        if sum(both["special_tokens_mask"][0]) <= sum(alone["special_tokens_mask"][0]):
            raise InvalidValue(
                "pairs of texts for a tokenizer that puts nothing between two texts, so that nothing tells where the "
                "second begins; join them as the model was trained to read them, and give single texts."
            )

    def _check_known(self, row: Mapping[str, list[int]], name: str) -> None:
        if max(row["input_ids"], default=0) >= self._vocabulary:
            raise InvalidValue(
                f"the tokenizer gives token {max(row['input_ids'])} for sample {name!r}, but the model knows "
                f"0..{self._vocabulary - 1} only; they do not belong together: save both from one model."
            )


def _words(content: str | TextPair) -> bool:
    """Whether there is something in every text of a sample."""
    return all(text.strip() for text in (content if isinstance(content, TextPair) else (content,)))


def _refuse_empty(samples: Sequence[tuple[Any, Any]]) -> None:
    """Raise, naming them, if there are samples of which the tokenizer leaves nothing."""
    if not samples:
        return
    names, content = [name for name, _ in samples], samples[0][1]
    texts = content if isinstance(content, TextPair) else (content,)
    shown = next((text for text in texts if not text.strip()), texts[0])
    many = len(names) > 1
    raise InvalidValue(
        f"sample{'s' * many} {firsts(names)} {'are' if many else 'is'} empty: no token is left of {shown[:20]!r}; "
        f"remove {'them' if many else 'it'} from the input."
    )


def _shuffled(row: Mapping[str, list[int]], seed: list[int]) -> dict[str, list[int]]:
    """The tokens that are not special in random order, the same for a text in whichever batch it comes."""
    places = np.flatnonzero(np.asarray(row["special_tokens_mask"]) == 0)
    order = np.arange(len(row["input_ids"]))
    order[places] = np.random.default_rng(seed).permutation(places)
    return {key: [values[place] for place in order] for key, values in row.items()}


def _tokenizer_digest(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return fingerprint([backend.to_str()])
    return fingerprint([str(sorted(tokenizer.get_vocab().items())), str(tokenizer.special_tokens_map)])


def _like_genes(sequences: Sequence[str]) -> bool:
    """Whether they are made of bases alone, as no protein of 20 residues is."""
    letters = "".join(sequences).upper()
    return len(letters) >= 20 and set(letters) <= set("ACGTUN")
