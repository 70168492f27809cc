"""Small transformers trained without labels, for benchmarks that need several families of networks.

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.small_networks --cache FOLDER [NAME …]

Words of questions, pixels of characters and residues of proteins are all read as strings of tokens, so that one way of
training and of loading serves the three. What is in the cache is not trained again.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(os.environ.get("LAYERSCAPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
GREYS = "abcdefgh"  # levels of a pixel, from empty to full ink
RESIDUES = "ACDEFGHIKLMNPQRSTVWYX"
MASKED = 0.15  # share of the residues that the protein network must guess
HELD_OUT = 2000


@dataclass(frozen=True)
class Texts:
    """Strings with their label columns."""

    texts: list[str]
    labels: dict[str, np.ndarray]

    def part(self, rows: np.ndarray) -> Texts:
        return Texts([self.texts[row] for row in rows], {name: column[rows] for name, column in self.labels.items()})


@dataclass(frozen=True)
class Recipe:
    """How a network is built and trained."""

    data: str
    seed: int
    width: int
    steps: int
    batch: int
    length: int
    blocks: int = 6
    heads: int = 4
    rate: float = 1e-3


RECIPES = {
    f"{data}-{seed}": Recipe(data, seed, *size)
    for seed in (0, 1)
    for data, size in {
        "trec": (128, 500, 16, 40),
        "kmnist": (64, 400, 8, 196),
        "proteins": (64, 500, 8, 128),
        "mnist": (64, 400, 8, 196),
    }.items()
}


def questions() -> Texts:
    """TREC without its copies."""
    with (DATA / "text" / "trec.csv").open(newline="") as file:
        rows = list({line["text"]: line for line in csv.DictReader(file)}.values())
    labels = {name: np.array([row[name] for row in rows]) for name in ("label", "fine_label")}
    return Texts([row["text"].lower() for row in rows], labels)


def idx(name: str, what: str, start: int) -> np.ndarray:
    raw = gzip.decompress((DATA / name / f"t10k-{what}-ubyte.gz").read_bytes())
    return np.frombuffer(raw[start:], np.uint8)


def pictures(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The test pictures of MNIST or KMNIST, 28 × 28, and their classes."""
    return idx(name, "images-idx3", 16).reshape(-1, 28, 28), idx(name, "labels-idx1", 8)


def pixels(name: str) -> Texts:
    """14 × 14 pixels, each the mean of four, as one letter per grey level in the order of reading."""
    images, classes = pictures(name)
    small = images.reshape(-1, 14, 2, 14, 2).mean((2, 4))
    letters = np.array(list(GREYS))[(small / 256 * len(GREYS)).astype(int)].reshape(len(small), -1)
    return Texts(["".join(row) for row in letters], {"class": classes})


def proteins() -> Texts:
    """The first 128 residues of each protein."""
    records = (DATA / "proteins" / "families.fasta").read_text().split(">")[1:]
    heads = [record.partition("\n")[0] for record in records]
    chains = ["".join(record.partition("\n")[2].split()).upper()[:128] for record in records]
    known = ["".join(letter if letter in RESIDUES else "X" for letter in chain) for chain in chains]
    return Texts(known, {"family": np.array([head.rpartition("family=")[2] for head in heads])})


def split(data: str) -> tuple[Texts, Texts]:
    """What a network learns from and what it is then shown: other samples, but for proteins, which are too few."""
    whole = {"trec": questions, "proteins": proteins}.get(data, lambda: pixels(data))()
    if data == "proteins":
        return whole, whole
    order = np.random.default_rng(0).permutation(len(whole.texts))
    return whole.part(order[HELD_OUT:]), whole.part(order[:HELD_OUT])


def tokenizer_of(data: str, texts: list[str]) -> Any:
    """One token per word that occurs twice, or per letter."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    counts = Counter(word for text in texts for word in text.split())
    seen = [word for word, times in counts.items() if times > 1] if data == "trec" else []
    units = seen or list(RESIDUES if data == "proteins" else GREYS)
    vocabulary = {unit: place for place, unit in enumerate(["[PAD]", "[UNK]", "[MASK]", *units])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    whole, letters = pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.pre_tokenizer = whole if data == "trec" else letters
    roles = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles)


def build(recipe: Recipe, vocabulary: int) -> Any:
    """A GPT-2, or a BERT for proteins, with fresh weights."""
    from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

    size = {"vocab_size": vocabulary, "pad_token_id": 0}
    if recipe.data == "proteins":
        size |= {"hidden_size": recipe.width, "num_hidden_layers": recipe.blocks, "num_attention_heads": recipe.heads}
        return BertForMaskedLM(
            BertConfig(intermediate_size=4 * recipe.width, max_position_embeddings=recipe.length, **size)
        )
    size |= {"n_embd": recipe.width, "n_layer": recipe.blocks, "n_head": recipe.heads, "n_positions": recipe.length}
    ends = {"bos_token_id": None, "eos_token_id": None}
    drops = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.1 if recipe.data == "trec" else 0.0)
    return GPT2LMHeadModel(GPT2Config(**size, **ends, **drops))


def loss_of(model: Any, tokens: dict[str, Any], masked: bool) -> Any:
    """Mean surprise in nats, of the next token or of hidden ones."""
    import torch

    ids, real = tokens["input_ids"], tokens["attention_mask"].bool()
    if masked:
        hidden = (torch.rand(ids.shape) < MASKED) & real
        shown = torch.where(hidden, 2, ids)
        return model(shown, attention_mask=real.long(), labels=torch.where(hidden, ids, -100)).loss
    return model(ids, attention_mask=real.long(), labels=torch.where(real, ids, -100)).loss


def train(recipe: Recipe, folder: Path) -> None:
    """Train, and save weights, tokenizer and the loss reached."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    (learned, shown), masked = split(recipe.data), recipe.data == "proteins"
    tokenizer = tokenizer_of(recipe.data, learned.texts)
    model = build(recipe, len(tokenizer))
    best = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.OneCycleLR(best, recipe.rate, recipe.steps, pct_start=0.1)
    how = {"return_tensors": "pt", "padding": True, "truncation": True, "max_length": recipe.length}
    rng, start = np.random.default_rng(recipe.seed), time.process_time()
    for step in range(recipe.steps):
        rows = rng.choice(len(learned.texts), recipe.batch, replace=False)
        loss = loss_of(model, tokenizer([learned.texts[row] for row in rows], **how), masked)
        best.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        best.step()
        pace.step()
        if step % 50 == 0:
            print(folder.name, step, f"{loss.item():.3f}", f"{time.process_time() - start:.0f} s", flush=True)
    model.eval()
    with torch.no_grad():
        final = float(loss_of(model, tokenizer(shown.texts[:500], **how), masked))
    facts = {"loss": final, "guessing": guessing(tokenizer, learned.texts, shown.texts[:500], recipe.length)}
    facts |= {"seconds": time.process_time() - start, "steps": recipe.steps}
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "facts.json").write_text(json.dumps(facts))


def guessing(tokenizer: Any, learned: list[str], shown: list[str], length: int) -> float:
    """The loss of who knows only how often each token occurs."""
    how = {"truncation": True, "max_length": length}
    seen = [token for text in tokenizer(learned, **how)["input_ids"] for token in text]
    frequency = (np.bincount(seen, minlength=len(tokenizer)) + 1) / (len(seen) + len(tokenizer))
    asked = [token for text in tokenizer(shown, **how)["input_ids"] for token in text]
    return float(-np.log(frequency[asked]).mean())


def network(name: str, cache: Path) -> tuple[Path, dict[str, float]]:
    """Folder of a trained network, which is trained if it is not in the cache, and what its training reached."""
    folder = cache / "networks" / name
    if not (folder / "facts.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        train(RECIPES[name], folder)
    return folder, json.loads((folder / "facts.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("names", nargs="*", default=list(RECIPES))
    given = parser.parse_args()
    for name in given.names:
        print(name, *islice(network(name, given.cache), 1, 2), file=sys.stderr)


if __name__ == "__main__":
    main()
