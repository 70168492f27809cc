"""What the dry run of a network costs, which proves its layers before an extraction begins, printed as one table.

    python -m benchmarks.dry_runs [--repeats 3] [--write]

Networks have random weights and the sizes that are used most. Processor seconds of one thread, median of fresh
networks, beside those of one forward pass of the two samples that the dry run looks at.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.publish import publish
from layerscape.extraction import open_model


def vit_small() -> torch.nn.Module:
    from transformers import ViTConfig, ViTModel

    return ViTModel(ViTConfig(hidden_size=384, num_attention_heads=6, intermediate_size=1536))


def resnet_50() -> torch.nn.Module:
    from transformers import ResNetConfig, ResNetModel

    return ResNetModel(ResNetConfig())


def bert_base() -> torch.nn.Module:
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig())


def gpt2() -> torch.nn.Module:
    from transformers import GPT2Config, GPT2Model

    return GPT2Model(GPT2Config())


PICTURES = [np.random.default_rng(seed).standard_normal((3, 224, 224)).astype(np.float32) for seed in (0, 1)]
TOKENS = [np.random.default_rng(seed).integers(0, 1000, 32) for seed in (0, 1)]


def _ids(contents: list[Any]) -> dict[str, torch.Tensor]:
    return {"input_ids": torch.tensor(np.stack(contents))}


CASES: dict[str, tuple[Callable[[], torch.nn.Module], list[Any], dict[str, Any]]] = {
    "ViT-small, 224 × 224": (vit_small, PICTURES, {}),
    "ResNet-50, 224 × 224": (resnet_50, PICTURES, {}),
    "BERT-base, 32 tokens": (bert_base, TOKENS, {"make_inputs": _ids}),
    "GPT-2, 32 tokens": (gpt2, TOKENS, {"make_inputs": _ids}),
}


def costs(case: str) -> tuple[float, float, int]:
    """Seconds of a dry run and of one pass, and how many passes begin in the run."""
    make, contents, options = CASES[case]
    module = make().eval()
    network, passes = open_model(module, device="cpu", **options), 0

    def counted(*_: Any) -> None:
        nonlocal passes
        passes += 1

    handle = module.register_forward_pre_hook(counted)
    start = time.process_time()
    network.layers(contents=contents)
    whole = time.process_time() - start
    handle.remove()
    given = network._reader.batch(network._encode_two(contents))[0]
    with torch.no_grad():
        start = time.process_time()
        module(*given.args, **(given.kwargs or {}))
        return whole, time.process_time() - start, passes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_known_args()[0].repeats
    torch.set_num_threads(1)
    lines = ["| network | dry run, s | one pass, s | ratio | passes begun |", "|---|---:|---:|---:|---:|"]
    for case in CASES:
        costs(case)
        found = [costs(case) for _ in range(repeats)]
        whole, once = (statistics.median(each[i] for each in found) for i in (0, 1))
        lines.append(f"| {case} | {whole:.2f} | {once:.2f} | {whole / once:.1f} | {found[0][2]} |")
    publish("Dry runs", [*lines, "", f"Median of {repeats}; of passes begun many end early, or at once."])


if __name__ == "__main__":
    main()
