"""Extraction against the bare forward loop over the same batches: speed and peak memory, printed as one table.

The bare loop is what nobody can beat without leaving layers out: `model(**batch)` under `inference_mode`, whose outputs
are thrown away. Ours has hooks on every layer, pools, checks, and puts arrays in the order of the samples. The rows say
what is on the clock beside that. *Ready in both*: the same batches, tokenized, padded and put in order beforehand (of
pixels ours still stacks them). *Made in both*: each loop makes its batches of texts or pictures, the bare one in one
call of the model's own tokenizer or processor for each batch, of texts that were sorted beforehand. *Made by ours
alone*: ours makes them and the bare loop finds them ready, which is more than the same work. Neither loop writes. The
networks are small, so that what we add is seen, but for two of the size that people use.

    python -m benchmarks.extraction [--repeats 31] [--clock cpu] [--write]

The first ratio is the median over repetitions, in each of which both loops ran, one after the other; the second that of
the fastest repetition of each; the third that of what grows with the samples: of 128 less what the first 16 of them
take alone, in which is all that is done once for a block of a run, such as to put the module back as it was. On a
machine that others use too, which only ever takes more time, `--clock cpu` counts processor seconds, and of one thread:
several spin while they wait for each other, which counts as if it were work. Peak memory is that of a fresh process
(Linux only), above what it held before the loop.

The second table is of whole runs, `extract` from the open to the closed folder: what it takes once, and what one more
sample takes, by the line through runs of 16 and of 128 samples; the parts are those of the run of 128.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.publish import publish
from benchmarks.whole_run import FEW, PARTS, N, whole_run
from layerscape.core.samples import Kind, Samples
from layerscape.extraction import Network, open_model
from layerscape.extraction.batches import compose

LOOPS = ("bare", "ours")
OF_FEW = "{} of few"
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
ONE_THREAD: dict[str, dict[str, str]] = {"wall": {}, "cpu": {"OMP_NUM_THREADS": "1"}}


def text_model(folder: Path, blocks: int = 6, units: int = 256) -> tuple[Network, list[Any]]:
    """BERT-like: 6 blocks of 256 units; 128 texts of 8 to 120 words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {"[PAD]": 0, "[UNK]": 1} | {f"w{i}": i + 2 for i in range(2000)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    shape = shape_of(blocks, units)
    BertModel(BertConfig(vocab_size=len(vocabulary), **shape)).save_pretrained(folder)
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 2000, rng.integers(8, 121))) for _ in range(N)]
    return open_model(str(folder), device="cpu"), texts


def shape_of(blocks: int, units: int) -> dict[str, int]:
    """Of a transformer with 64 units a head."""
    heads = {"num_hidden_layers": blocks, "num_attention_heads": units // 64}
    return {"hidden_size": units, "intermediate_size": 4 * units, **heads}


def image_model(
    folder: Path, blocks: int = 6, units: int = 192, side: int = 64, patch: int = 8
) -> tuple[Network, list[Any]]:
    """ViT: 6 blocks of 192 units, 65 tokens; 128 pictures of 64 × 64."""
    from transformers import ViTConfig, ViTModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    ViTImageProcessorPil(size={"height": side, "width": side}).save_pretrained(folder)
    ViTModel(ViTConfig(image_size=side, patch_size=patch, **shape_of(blocks, units))).save_pretrained(folder)
    return open_model(str(folder), device="cpu"), list(
        np.random.default_rng(0).integers(0, 256, (N, side, side, 3), dtype=np.uint8)
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
    "text, BERT's size": ("text", partial(text_model, blocks=12, units=768)),
    "image, ViT-S/16's size": ("image", partial(image_model, blocks=12, units=384, side=224, patch=16)),
}
SMALL = ("text", "image", "pixels")
READY, IN_BOTH, ALONE = "; ready in both", "; made in both", "; made by ours alone"
ROWS = (
    *(f"text{READY}", f"text{IN_BOTH}", f"text{ALONE}", f"pixels{READY}", f"image{IN_BOTH}", f"image{ALONE}"),
    *(f"text, BERT's size{IN_BOTH}", f"image, ViT-S/16's size{IN_BOTH}"),
)


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
    """The two loops over the same batches, and both over those of a few of the samples."""
    what, _, _ = case.partition(";")
    kind, make = CASES[what]
    network, contents = make(folder)
    network.layers(contents=contents[:2])  # its dry run
    few = pair_of(case, kind, network, contents[:FEW])
    return pair_of(case, kind, network, contents) | {OF_FEW.format(name): loop for name, loop in few.items()}


def pair_of(case: str, kind: Kind, network: Network, contents: list[Any]) -> dict[str, Callable[[], None]]:
    """The two loops over these samples."""
    ids = tuple(map(str, range(len(contents))))
    samples = Samples(ids, kind, lambda rows: [contents[row] for row in rows], fingerprint="0")
    layers = [layer.name for layer in network.layers(contents=contents[:2])]
    reader: Any = network._reader
    module = network._module
    encoded = reader.encode(contents, ids)
    plan = compose([one.length for one in encoded], network.batching())
    batches = [reader.batch([encoded[i] for i in batch]) for batch in plan]
    if case == f"text{READY}":
        network = copy.copy(network)  # whose dry run is done
        network._reader = Ready(encoded, batches, plan)

    def bare() -> None:
        with torch.inference_mode():
            for batch, _ in batches:
                module(*batch.args, **(batch.kwargs or {}))

    def bare_from_contents() -> None:
        with torch.inference_mode():
            for batch in plan:
                module(**made_of(reader, kind, [contents[i] for i in batch]))

    def ours() -> None:
        list(network.blocks(samples, layers, "mean", block_rows=len(samples)))

    return {"bare": bare_from_contents if case.endswith(IN_BOTH) else bare, "ours": ours}


def made_of(reader: Any, kind: Kind, some: list[Any]) -> Any:
    """What the model's own tokenizer or processor makes of a batch, in one call."""
    if kind == "text":
        return reader._tokenizer(some, padding=True, return_tensors="pt")
    return reader._processor(images=[Image.fromarray(each) for each in some], return_tensors="pt")


def measure(case: str, repeats: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Seconds of each repetition; the loops take turns, so that both meet the same neighbors on the machine."""
    with tempfile.TemporaryDirectory() as folder:
        all_of_them = loops(case, Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in all_of_them}
        for loop in all_of_them.values():
            loop()
        for repeat in range(repeats):
            for name, loop in list(all_of_them.items())[:: 1 if repeat % 2 else -1]:
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


def table_of_loops(repeats: int, clock: str) -> list[str]:
    """A line for each row: seconds, ratios, memory."""
    lines = ["| case | bare, s | ours, s | bare / ours | of the fastest | of what grows | bare, MiB | ours, MiB |"]
    lines.append("|---" * 8 + "|")
    for case in ROWS:
        seconds = in_fresh_process("speed", case, str(repeats), clock, **ONE_THREAD[clock])
        bare, ours, *few = (np.array(seconds[name]) for name in (*LOOPS, *map(OF_FEW.format, LOOPS)))
        ratio, grows = np.median(bare / ours), np.median((bare - few[0]) / (ours - few[1]))
        figures = f"{np.median(bare):.3f} | {np.median(ours):.3f} | {ratio:.3f} | {bare.min() / ours.min():.3f}"
        # Else glibc keeps large freed blocks, of which it can use the less again the more small ones lie between them.
        fixed = {"MALLOC_MMAP_THRESHOLD_": "1000000"}
        memory = " | ".join(f"{in_fresh_process('peak', case, name, **fixed):.0f}" for name in LOOPS)
        lines.append(f"| {case} | {figures} | {grows:.3f} | {memory} |")
    return lines


def table_of_runs(repeats: int, clock: str) -> list[str]:
    """A line for each case: what a run takes once, and what a sample more takes."""
    heads = ["whole run", "once, s", "each sample more, ms", f"of {N}, s", *(f"{part}, s" for part in PARTS)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for case in SMALL:
        few, whole, *parts = in_fresh_process("run", case, str(repeats), clock, **ONE_THREAD[clock])
        each = (whole - few) / (N - FEW)
        told = " | ".join(f"{part:.3f}" for part in parts)
        lines.append(f"| {case} | {few - FEW * each:.2f} | {1000 * each:.2f} | {whole:.2f} | {told} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--only", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_known_args()[0]
    if options.only:
        what, case, *rest = options.only
        if what == "peak":
            print(json.dumps(peak_here(case, *rest)))
            return
        repeats, clock = int(rest[0]), CLOCKS[rest[1]]
        kind, make = CASES[case.partition(";")[0]]
        print(json.dumps(measure(case, repeats, clock) if what == "speed" else whole_run(kind, make, repeats, clock)))
        return
    few = max(3, options.repeats // 3)
    lines = [*table_of_loops(options.repeats, options.clock), "", *table_of_runs(few, options.clock)]
    n_threads = 1 if ONE_THREAD[options.clock] else torch.get_num_threads()
    threads = f"{n_threads} threads" if n_threads > 1 else "1 thread"
    said = f"Median of {options.repeats} repetitions, of whole runs of {few}, on {threads}, {options.clock} seconds."
    publish("Extraction against the bare forward loop", [*lines, "", said])


if __name__ == "__main__":
    main()
