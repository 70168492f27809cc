"""Models and data of exercise 12: real ones where they are on this machine, small random twins where they are not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from checks import data_place

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
FAMILIES, LENGTH = 6, 100  # of the proteins that are made here
TOPICS = {
    "place": ["river", "city", "sea", "island", "street", "north"],
    "person": ["poet", "king", "author", "queen", "captain", "doctor"],
    "number": ["many", "years", "miles", "dollars", "percent", "tons"],
}
FRAMES = ["what is the {} of the {}", "which {} was near the {}", "how did the {} reach the {}", "tell me the {} or {}"]


def model(name: str, words: Sequence[str], folder: Path) -> tuple[Path, bool]:
    """A folder with a model, and whether it is the real one; otherwise a BERT of random weights for these words."""
    real = os.environ.get("LAYERSCAPE_MODELS")
    if real and (Path(real) / name / "config.json").is_file():
        return Path(real) / name, True
    print(
        f"{name} is not on this machine: it was looked for in {real or 'no folder'} (LAYERSCAPE_MODELS names the "
        "folder that tools/real_models.py makes). A small network of random weights takes its place: you will see how "
        "it is done, and a profile that means nothing."
    )
    return _random_bert(words, folder / name), False


def proteins(n: int, folder: Path) -> tuple[Path, bool]:
    """A FASTA file of n proteins of some families, and whether they are real ones."""
    data, random = data_place() / "proteins" / "families.fasta", np.random.default_rng(0)
    path = folder / "proteins.fasta"
    if data.is_file():
        records = data.read_text().split(">")[1:]
        kept = [records[row] for row in sorted(random.permutation(len(records))[:n])]
        path.write_text("".join(f">{record}" for record in kept))
        return path, True
    print(f"There is no {data} (LAYERSCAPE_DATA names another folder): proteins are made here instead.")
    family = random.integers(0, FAMILIES, n)
    ancestors = random.integers(0, 20, (FAMILIES, LENGTH))
    residues = np.where(random.random((n, LENGTH)) < 0.5, random.integers(0, 20, (n, LENGTH)), ancestors[family])
    lines = ["".join(RESIDUES[i] for i in row) for row in residues]
    path.write_text("".join(f">made{i} family=F{family[i]}\n{line}\n" for i, line in enumerate(lines)))
    return path, False


def questions(n: int, folder: Path) -> tuple[Path, bool]:
    """A CSV file of n questions with the columns text and label, and whether they are real ones."""
    import pandas as pd

    data = data_place() / "text" / "trec.csv"
    path = folder / "questions.csv"
    if data.is_file():
        table = pd.read_csv(data).drop_duplicates("text").sample(n, random_state=0)
        table[["text", "label"]].to_csv(path, index=False)
        return path, True
    print(f"There is no {data} (LAYERSCAPE_DATA names another folder): questions are made here instead.")
    random = np.random.default_rng(0)
    label = random.choice(list(TOPICS), n)
    text = [
        f"{FRAMES[random.integers(len(FRAMES))].format(*random.choice(TOPICS[topic], 2))} {number}"
        for number, topic in enumerate(label)
    ]
    pd.DataFrame({"text": text, "label": label}).to_csv(path, index=False)
    return path, False


def words_of(path: Path) -> list[str]:
    """What a random twin must know to read a file: its words, or residues."""
    if path.suffix == ".fasta":
        return list(RESIDUES)
    return sorted({word for line in path.read_text().lower().splitlines() for word in line.replace(",", " ").split()})


def _random_bert(words: Sequence[str], folder: Path) -> Path:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
    from transformers.utils import logging

    known = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if any(word.islower() for word in words):
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    roles = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    logging.disable_progress_bar()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 128}
    BertModel(BertConfig(vocab_size=len(known), **sizes)).save_pretrained(folder)
    return folder
