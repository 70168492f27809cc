"""Extraction against the bare forward loop over the same batches: speed and peak memory, printed as one table.

The bare loop is what nobody can beat without leaving layers out: `model(**batch)` under `inference_mode`, over batches
that were tokenized, padded and put in order before the clock started, and whose outputs are thrown away. Ours does all
of it on the clock (tokenizing or image processing, hooks on every layer, pooling, checks, arrays in order of the
samples), which is why images are shown twice: with their processor, and with ready pixels in both loops.

    python benchmarks/extraction.py [--repeats 5]

Peak memory is that of a fresh process that does nothing else, above what it held before the first batch.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layerscape.core.samples import Kind, Samples
from layerscape.extraction import Network, open_model
from layerscape.extraction.batches import compose

LOOPS = ("bare", "ours")


def text_model(folder: Path) -> tuple[Network, list[Any]]:
    """BERT-like: 6 blocks of 256 units; 512 texts of 8 to 120 words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {"[PAD]": 0, "[UNK]": 1} | {f"w{i}": i + 2 for i in range(2000)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    shape = {"hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 1024}
    BertModel(BertConfig(vocab_size=len(vocabulary), **shape)).save_pretrained(folder)
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 2000, rng.integers(8, 121))) for _ in range(512)]
    return open_model(str(folder)), texts


def image_model(folder: Path) -> tuple[Network, list[Any]]:
    """ViT: 6 blocks of 192 units, 65 tokens; 512 pictures of 64 × 64."""
    from transformers import ViTConfig, ViTModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    ViTImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    shape = {"hidden_size": 192, "num_hidden_layers": 6, "num_attention_heads": 3, "intermediate_size": 768}
    ViTModel(ViTConfig(image_size=64, patch_size=8, **shape)).save_pretrained(folder)
    return open_model(str(folder)), list(np.random.default_rng(0).integers(0, 256, (512, 64, 64, 3), dtype=np.uint8))


def pixel_model(folder: Path) -> tuple[Network, list[Any]]:
    """The same ViT with ready pixels."""
    network, pictures = image_model(folder)
    pixels = [picture.transpose(2, 0, 1).astype(np.float32) / 128 - 1 for picture in pictures]
    return open_model(network._module), pixels


CASES: dict[str, tuple[Kind, Callable[[Path], tuple[Network, list[Any]]]]] = {
    "text": ("text", text_model),
    "image": ("image", image_model),
    "pixels": ("array", pixel_model),
}


def loops(case: str, folder: Path) -> dict[str, Callable[[], None]]:
    """The two loops over the same batches."""
    kind, make = CASES[case]
    network, contents = make(folder)
    ids = tuple(map(str, range(len(contents))))
    samples = Samples(ids, kind, lambda rows: [contents[row] for row in rows], fingerprint="0")
    layers = [layer.name for layer in network.layers(contents=contents[:2])]
    reader, module = network._reader, network._module
    encoded = reader.encode(contents, ids)
    plan = compose([one.length for one in encoded], network.batching())
    batches = [reader.batch([encoded[i] for i in batch])[0] for batch in plan]

    def bare() -> None:
        with torch.inference_mode():
            for batch in batches:
                module(*batch.args, **(batch.kwargs or {}))

    def ours() -> None:
        list(network.blocks(samples, layers, "mean", block_rows=len(samples)))

    return {"bare": bare, "ours": ours}


def measure(case: str, repeats: int) -> dict[str, list[float]]:
    """Seconds of each repetition; the loops take turns, so that both meet the same neighbors on the machine."""
    seconds: dict[str, list[float]] = {name: [] for name in LOOPS}
    with tempfile.TemporaryDirectory() as folder:
        both = loops(case, Path(folder))
        for loop in both.values():
            loop()
        for _ in range(repeats):
            for name, loop in both.items():
                start = time.perf_counter()
                loop()
                seconds[name].append(time.perf_counter() - start)
    return seconds


def peak(case: str, name: str) -> float:
    """Peak of a fresh process that runs one loop once, in MiB above what it held before."""
    done = subprocess.run([sys.executable, __file__, "--peak", case, name], capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peak", nargs=2, metavar=("CASE", "LOOP"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        case, name = options.peak
        with tempfile.TemporaryDirectory() as folder:
            loop = loops(case, Path(folder))[name]
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            loop()
            print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, median of {options.repeats}")
    print(f"{'case':8}{'bare s':>9}{'ours s':>9}{'bare/ours':>11}{'bare MiB':>10}{'ours MiB':>10}")
    for case in CASES:
        seconds = measure(case, options.repeats)
        bare, ours = (statistics.median(seconds[name]) for name in LOOPS)
        memory = "".join(f"{peak(case, name):10.0f}" for name in LOOPS)
        print(f"{case:8}{bare:9.3f}{ours:9.3f}{bare / ours:11.3f}{memory}", flush=True)


if __name__ == "__main__":
    main()
