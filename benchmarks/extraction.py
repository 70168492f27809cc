"""Extraction against the bare forward loop over the same batches: speed and peak memory, printed as one table.

The bare loop is what nobody can beat without leaving layers out: `model(**batch)` under `inference_mode`, whose outputs
are thrown away. Ours has hooks on every layer, pools, checks, and puts arrays in the order of the samples. The rows say
what is on the clock beside that. *Ready in both*: the same batches, tokenized, padded and put in order beforehand (of
pixels ours still stacks them). *Made in both*: each loop makes its batches of texts or pictures, the bare one in one
call of the model's own tokenizer or processor for each batch, of texts that were sorted beforehand. *Made by ours
alone*: ours makes them and the bare loop finds them ready, which is more than the same work. Neither loop writes.

    python -m benchmarks.extraction [--repeats 31] [--clock cpu] [--write]

The first ratio is the median over repetitions, in each of which both loops ran, one after the other; the second that of
the fastest repetition of each. On a machine that others use too, which only ever takes more time, `--clock cpu` counts
processor seconds, and the second says more. Peak memory is that of a fresh process (Linux only), above what it held
before the loop.
"""

from __future__ import annotations

import argparse
import json
import os
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
from PIL import Image

from benchmarks.publish import publish
from layerscape.core.samples import Kind, Samples
from layerscape.extraction import Network, open_model
from layerscape.extraction.batches import compose

N = 128
LOOPS = ("bare", "ours")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def text_model(folder: Path) -> tuple[Network, list[Any]]:
    """BERT-like: 6 blocks of 256 units; 128 texts of 8 to 120 words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {"[PAD]": 0, "[UNK]": 1} | {f"w{i}": i + 2 for i in range(2000)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    shape = {"hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 1024}
    BertModel(BertConfig(vocab_size=len(vocabulary), **shape)).save_pretrained(folder)
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 2000, rng.integers(8, 121))) for _ in range(N)]
    return open_model(str(folder), device="cpu"), texts


def image_model(folder: Path) -> tuple[Network, list[Any]]:
    """ViT: 6 blocks of 192 units, 65 tokens; 128 pictures of 64 × 64."""
    from transformers import ViTConfig, ViTModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    ViTImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    shape = {"hidden_size": 192, "num_hidden_layers": 6, "num_attention_heads": 3, "intermediate_size": 768}
    ViTModel(ViTConfig(image_size=64, patch_size=8, **shape)).save_pretrained(folder)
    return open_model(str(folder), device="cpu"), list(
        np.random.default_rng(0).integers(0, 256, (N, 64, 64, 3), dtype=np.uint8)
    )


def pixel_model(folder: Path) -> tuple[Network, list[Any]]:
    """The same ViT with ready pixels."""
    network, pictures = image_model(folder)
    pixels = [picture.transpose(2, 0, 1).astype(np.float32) / 128 - 1 for picture in pictures]
    return open_model(network._module, device="cpu"), pixels


CASES: dict[str, tuple[Kind, Callable[[Path], tuple[Network, list[Any]]]]] = {
    "text": ("text", text_model),
    "image": ("image", image_model),
    "pixels": ("array", pixel_model),
}
READY, IN_BOTH, ALONE = ", ready in both", ", made in both", ", made by ours alone"
ROWS = (f"text{READY}", f"text{IN_BOTH}", f"text{ALONE}", f"pixels{READY}", f"image{IN_BOTH}", f"image{ALONE}")


class Ready:
    """A reader of texts that has tokenized them and padded their batches beforehand."""

    varies = True

    def __init__(self, encoded: list[Any], batches: list[Any], plan: list[list[int]]) -> None:
        self._encoded = encoded
        self._batches = {id(encoded[rows[0]]): batch for rows, batch in zip(plan, batches, strict=True)}

    def encode(self, _contents: Any, _ids: Any) -> list[Any]:
        return self._encoded

    def batch(self, some: list[Any]) -> Any:
        return self._batches[id(some[0])]


def loops(case: str, folder: Path) -> dict[str, Callable[[], None]]:
    """The two loops over the same batches."""
    what, _, _ = case.partition(",")
    kind, make = CASES[what]
    network, contents = make(folder)
    ids = tuple(map(str, range(len(contents))))
    samples = Samples(ids, kind, lambda rows: [contents[row] for row in rows], fingerprint="0")
    layers = [layer.name for layer in network.layers(contents=contents[:2])]
    reader: Any = network._reader
    module = network._module
    encoded = reader.encode(contents, ids)
    plan = compose([one.length for one in encoded], network.batching())
    batches = [reader.batch([encoded[i] for i in batch]) for batch in plan]
    if case == f"text{READY}":
        network._reader = Ready(encoded, batches, plan)

    def bare() -> None:
        with torch.inference_mode():
            for batch, _ in batches:
                module(*batch.args, **(batch.kwargs or {}))

    def bare_from_contents() -> None:
        with torch.inference_mode():
            for batch in plan:
                some = [contents[i] for i in batch]
                made = (
                    reader._tokenizer(some, padding=True, return_tensors="pt")
                    if kind == "text"
                    else reader._processor(images=[Image.fromarray(each) for each in some], return_tensors="pt")
                )
                module(**made)

    def ours() -> None:
        list(network.blocks(samples, layers, "mean", block_rows=len(samples)))

    return {"bare": bare_from_contents if case.endswith(IN_BOTH) else bare, "ours": ours}


def measure(case: str, repeats: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Seconds of each repetition; the loops take turns, so that both meet the same neighbors on the machine."""
    seconds: dict[str, list[float]] = {name: [] for name in LOOPS}
    with tempfile.TemporaryDirectory() as folder:
        both = loops(case, Path(folder))
        for loop in both.values():
            loop()
        for repeat in range(repeats):
            for name, loop in list(both.items())[:: 1 if repeat % 2 else -1]:
                start = clock()
                loop()
                seconds[name].append(clock() - start)
    return seconds


def peak_here(case: str, name: str) -> float:
    """MiB by which one loop raises this process's resident memory."""

    def resident(field: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(field))

    with tempfile.TemporaryDirectory() as folder:
        loop = loops(case, Path(folder))[name]
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        before = resident("VmRSS")
        loop()
        return (resident("VmHWM") - before) / 1024


def in_fresh_process(what: str, case: str, *more: str, **environment: str) -> Any:
    """What `measure` or `peak_here` returns in a process that has done nothing else."""
    command = [sys.executable, "-m", __spec__.name, "--only", what, case, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--only", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_known_args()[0]
    if options.only:
        what, *rest = options.only
        print(json.dumps(peak_here(*rest) if what == "peak" else measure(rest[0], int(rest[1]), CLOCKS[rest[2]])))
        return
    lines = ["| case | bare, s | ours, s | bare / ours | of the fastest | bare, MiB | ours, MiB |", "|---" * 7 + "|"]
    for case in ROWS:
        seconds = in_fresh_process("speed", case, str(options.repeats), options.clock)
        bare, ours = (statistics.median(seconds[name]) for name in LOOPS)
        fastest = min(seconds["bare"]) / min(seconds["ours"])
        ratio = statistics.median(b / o for b, o in zip(seconds["bare"], seconds["ours"], strict=True))
        # Else glibc keeps large freed blocks, of which it can use the less again the more small ones lie between them.
        fixed = {"MALLOC_MMAP_THRESHOLD_": "1000000"}
        memory = " | ".join(f"{in_fresh_process('peak', case, name, **fixed):.0f}" for name in LOOPS)
        lines.append(f"| {case} | {bare:.3f} | {ours:.3f} | {ratio:.3f} | {fastest:.3f} | {memory} |")
    threads = f"{torch.get_num_threads()} threads" if torch.get_num_threads() > 1 else "1 thread"
    lines += ["", f"Median of {options.repeats} repetitions on {threads}, {options.clock} seconds."]
    publish("Extraction against the bare forward loop", lines)


if __name__ == "__main__":
    main()
