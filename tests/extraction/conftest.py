"""Tiny models of every family, with random weights, saved to folders as their real sisters are; nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from layerscape.core.samples import Kind, Samples

WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "on",
    "mat",
    "ran",
    "far",
    "away",
    "under",
    "old",
    "new",
    "red",
    "house",
    "my",
]
SMALL = {"num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}


def _texts(n: int) -> list[str]:
    rng = np.random.default_rng(1)
    return [" ".join(rng.choice(WORDS, size=rng.integers(1, 14))) for _ in range(n)]


def _proteins(n: int) -> list[str]:
    rng = np.random.default_rng(2)
    return ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), size=rng.integers(3, 25))) for _ in range(n)]


def _images(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, size=(9 + i % 3, 8, 3), dtype=np.uint8) for i in range(n)]


CONTENTS: dict[str, Callable[[int], list[Any]]] = {"text": _texts, "protein": _proteins, "image": _images}


def _samples(contents: Sequence[Any], kind: Kind) -> Samples:
    ids = tuple(f"s{i}" for i in range(len(contents)))
    return Samples(ids, kind, lambda rows: [contents[row] for row in rows], fingerprint="0")


@pytest.fixture(scope="session")
def make_samples() -> Callable[[Sequence[Any], Kind], Samples]:
    """Samples of given contents, with ids s0, s1, …"""
    return _samples


@pytest.fixture(scope="session")
def some_samples() -> Callable[[Kind, int], Samples]:
    """N samples of a kind, of different lengths and sizes."""
    return lambda kind, n: _samples(CONTENTS[kind](n), kind)


def _save_tokenizer(folder: Path, *, template: str | None = None) -> int:
    """A word tokenizer in the manner of BERT (``[CLS] $A [SEP]``), of Llama (``<s> $A``) or, left out, of GPT-2."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = {"bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]"], "llama": ["<unk>", "<s>", "</s>"], None: ["<|endoftext|>"]}
    names = special[template]
    vocabulary = {word: i for i, word in enumerate([*names, *WORDS])}
    unknown = names[1] if template == "bert" else names[0]
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    roles = {"unk_token": unknown}
    if template == "bert":
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        roles |= {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    elif template == "llama":
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
        roles |= {"bos_token": "<s>", "eos_token": "</s>"}
    else:
        roles |= {"bos_token": names[0], "eos_token": names[0]}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles).save_pretrained(folder)
    return len(vocabulary)


def _save(folder: Path, config: Any) -> Path:
    from transformers import AutoModel
    from transformers.utils import logging

    torch.manual_seed(7)
    model = AutoModel.from_config(config)
    with torch.no_grad():  # fresh norms are the identity up to a scale, and fresh positions nearly zero
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    logging.disable_progress_bar()
    model.save_pretrained(folder)
    return folder


def _bert(folder: Path) -> Path:
    from transformers import BertConfig

    return _save(folder, BertConfig(vocab_size=_save_tokenizer(folder, template="bert"), hidden_size=16, **SMALL))


def _gpt2(folder: Path) -> Path:
    from transformers import GPT2Config

    size = _save_tokenizer(folder)
    return _save(folder, GPT2Config(vocab_size=size, n_embd=16, n_layer=3, n_head=2, bos_token_id=0, eos_token_id=0))


def _llama(folder: Path) -> Path:
    from transformers import LlamaConfig

    return _save(folder, LlamaConfig(vocab_size=_save_tokenizer(folder, template="llama"), hidden_size=16, **SMALL))


def _neox(folder: Path) -> Path:
    from transformers import GPTNeoXConfig

    size = _save_tokenizer(folder)
    return _save(folder, GPTNeoXConfig(vocab_size=size, hidden_size=16, bos_token_id=0, eos_token_id=0, **SMALL))


def _esm(folder: Path) -> Path:
    from transformers import EsmConfig, EsmTokenizer

    letters = [*"LAGVSERTIDPKQNFYMHWCXBUZO", ".", "-"]
    vocabulary = ["<cls>", "<pad>", "<eos>", "<unk>", *letters, "<null_1>", "<mask>"]
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    EsmTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    options = {"position_embedding_type": "rotary", "token_dropout": True, "emb_layer_norm_before": False}
    size = len(vocabulary)
    return _save(
        folder, EsmConfig(vocab_size=size, pad_token_id=1, mask_token_id=size - 1, hidden_size=16, **options, **SMALL)
    )


def _vit(folder: Path) -> Path:
    from transformers import ViTConfig
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(folder)
    return _save(folder, ViTConfig(hidden_size=16, image_size=16, patch_size=4, **SMALL))


def _dinov2(folder: Path) -> Path:
    from transformers import Dinov2WithRegistersConfig
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

    BitImageProcessorPil(size={"shortest_edge": 20}, crop_size={"height": 16, "width": 16}).save_pretrained(folder)
    options = {"num_hidden_layers": 3, "num_attention_heads": 2, "num_register_tokens": 4, "layerscale_value": 0.5}
    return _save(folder, Dinov2WithRegistersConfig(hidden_size=16, image_size=16, patch_size=4, **options))


def _imagegpt(folder: Path) -> Path:
    from transformers import ImageGPTConfig
    from transformers.models.imagegpt.image_processing_pil_imagegpt import ImageGPTImageProcessorPil

    clusters = np.random.default_rng(0).uniform(-1, 1, size=(8, 3))
    ImageGPTImageProcessorPil(clusters=clusters, size={"height": 4, "width": 4}).save_pretrained(folder)
    return _save(folder, ImageGPTConfig(vocab_size=9, n_positions=16, n_embd=16, n_layer=3, n_head=2))


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "bert": _bert,
    "gpt2": _gpt2,
    "llama": _llama,
    "neox": _neox,
    "esm": _esm,
    "vit": _vit,
    "dinov2": _dinov2,
    "imagegpt": _imagegpt,
}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of a family's tiny model, made at the first call."""
    made: dict[str, str] = {}

    def folder(family: str) -> str:
        if family not in made:
            made[family] = str(FAMILIES[family](tmp_path_factory.mktemp(family)))
        return made[family]

    return folder
