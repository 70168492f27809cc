"""Pairs of texts go through the tokenizer as the network was trained to read them."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerFast

import layerscape as ls
from layerscape.cli import main
from layerscape.core.samples import TextPair
from layerscape.errors import InvalidValue
from layerscape.extraction import open_model

PAIRS = [("the cat sat", "on the mat"), ("my dog", "ran far away under the old red house"), ("a", "cat")]


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory) -> str:
    """A BERT of random weights in float64, whose tokenizer writes pairs as BERT's does."""
    folder = tmp_path_factory.mktemp("cross")
    words = sorted({word for pair in PAIRS for text in pair for word in text.split()})
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*special, *words])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    roles = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    names = ["input_ids", "token_type_ids", "attention_mask"]
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **roles).save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    model = BertModel(BertConfig(vocab_size=len(words) + 4, **shape))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return str(folder)


def reference(folder: str, first: str, second: str, **options) -> list[np.ndarray]:
    """The mean over all tokens that the tokenizer did not add, of the pair alone, in float64."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float64).eval()
    row = tokenizer(first, second, return_tensors="pt", return_special_tokens_mask=True, **options)
    content = row.pop("special_tokens_mask")[0] == 0
    with torch.no_grad():
        states = model(**row, output_hidden_states=True).hidden_states
    return [state[0, content].mean(0).numpy() for state in states]


@pytest.mark.filterwarnings("ignore:.* texts were cut")
@pytest.mark.parametrize("longest", [None, 7])
def test_pairs_are_read_as_by_the_tokenizer_alone_from_python_and_the_command_line(cross_encoder, tmp_path, longest):
    out, table = tmp_path / "cli", tmp_path / "pairs.csv"
    table.write_text("\n".join(["question,answer", *map(",".join, PAIRS)]))
    cut = [] if longest is None else ["--max-length", str(longest)]
    columns = ["--text-column", "question,answer"]
    assert main(["extract", cross_encoder, str(table), *columns, *cut, "--out", str(out)]) == 0
    runs = [ls.open(out)]
    if longest is None:
        runs.append(ls.extract(cross_encoder, PAIRS, out=tmp_path / "python", progress=False))
        assert runs[1].samples.previews() == ["\n".join(pair) for pair in PAIRS]
    options = {} if longest is None else {"truncation": True, "max_length": longest}
    expected = [reference(cross_encoder, *pair, **options) for pair in PAIRS]
    for run in runs:
        for number, layer in enumerate(["embedding", "block_1", "block_2"]):
            values = run[layer].read(slice(None))
            np.testing.assert_allclose(values, [states[number] for states in expected], rtol=0, atol=1e-5)
    swapped = ls.extract(cross_encoder, [pair[::-1] for pair in PAIRS], out=tmp_path / "swapped", progress=False)
    assert np.abs(swapped["block_2"].read(slice(None)) - runs[0]["block_2"].read(slice(None))).max() > 1e-2


def test_pairs_that_nothing_parts_are_refused(folders, cross_encoder):
    pairs = [TextPair(*pair) for pair in PAIRS]
    for model in (folders("gpt2"), folders("bert")):  # the second writes single texts only
        with pytest.raises(InvalidValue, match=r"^pairs of texts for a tokenizer that puts nothing between two texts"):
            open_model(model).layers(contents=pairs)
    with pytest.raises(InvalidValue, match=r"^shuffled tokens of pairs of texts, which would carry words"):
        open_model(cross_encoder, shuffle_tokens=0).layers(contents=pairs)
    with pytest.raises(InvalidValue, match=r"^sample 'example 2' is empty: no token is left of ' '"):
        open_model(cross_encoder).layers(contents=[pairs[0], TextPair("a", " ")])
