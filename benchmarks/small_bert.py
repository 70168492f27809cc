"""A BERT that is made in no time, for journeys and tests."""

from __future__ import annotations

from pathlib import Path

WORDS = ["the", "old", "new", "red", "cat", "dog", "house", "sat", "ran", "on", "under", "far", "away", "my", "mat"]


def small_bert(folder: Path) -> str:
    """A BERT of two blocks of 16 units with random weights and one token a word, saved as those of a hub are."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
    from transformers.utils import logging

    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    logging.disable_progress_bar()
    BertModel(BertConfig(vocab_size=len(vocabulary), **shape)).save_pretrained(folder)
    return str(folder)
