"""Networks of timm, torchvision and open_clip against hooks of plain torch: right, whatever the batch?

Run:  make other-torch, or in an environment that has them: python -m benchmarks.other_families [NAME …] [--write]

Each has random weights and computes in float64. Said of each family by hand, and asked of nothing in layerscape, are
the modules that are its blocks, the axis of their units, and which tokens belong to no patch. The reference is what
these modules put out, sample by sample, averaged over places. A layer is right where no sample's vector differs by more
than 1e-5 of its length, in batches of 1 and 7; a family if every block is a layer, or is an error in words.
"""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.families import Outcome
from benchmarks.publish import publish
from layerscape.core.samples import Samples
from layerscape.errors import LayerscapeError
from layerscape.extraction import open_model, prove

N, RIGHT = 9, 1e-5


@dataclass(frozen=True)
class Family:
    """How it is made, the paths of its blocks, the axis of units counted with samples first, and tokens in front."""

    make: Callable[[], torch.nn.Module]
    blocks: str
    units: int = 2
    prefix: int = 0
    size: int = 64


def _timm(name: str, **options: Any) -> Callable[[], torch.nn.Module]:
    def make() -> torch.nn.Module:
        import timm  # pyright: ignore[reportMissingImports]

        return timm.create_model(name, pretrained=False, **options)

    return make


def _torchvision(name: str, **options: Any) -> Callable[[], torch.nn.Module]:
    def make() -> torch.nn.Module:
        import torchvision  # pyright: ignore[reportMissingImports]

        return torchvision.models.get_model(name, weights=None, **options)

    return make


def _open_clip(name: str) -> Callable[[], torch.nn.Module]:
    def make() -> torch.nn.Module:
        import open_clip  # pyright: ignore[reportMissingImports]

        return open_clip.create_model(name, pretrained=None, force_image_size=64).visual

    return make


VIT, STAGES, SMALL = r"blocks\.\d+", r"stages\.\d+\.blocks\.\d+", {"img_size": 64}
WINDOWS, FEATURES = r"layers\.\d+\.blocks\.\d+", r"features\.[1357]\.\d+"
FAMILIES = {
    "timm vit_tiny_patch16_224": Family(_timm("vit_tiny_patch16_224", **SMALL), VIT, prefix=1),
    "timm deit_tiny_distilled_patch16_224": Family(_timm("deit_tiny_distilled_patch16_224", **SMALL), VIT, prefix=2),
    "timm vit_small_patch14_reg4_dinov2": Family(
        _timm("vit_small_patch14_reg4_dinov2", img_size=56), VIT, prefix=5, size=56
    ),
    "timm vit_base_patch16_siglip_224": Family(_timm("vit_base_patch16_siglip_224", **SMALL), VIT),
    "timm beit_base_patch16_224": Family(_timm("beit_base_patch16_224", **SMALL), VIT, prefix=1),
    "timm eva02_tiny_patch14_224": Family(_timm("eva02_tiny_patch14_224", img_size=56), VIT, prefix=1, size=56),
    "timm mixer_s32_224": Family(_timm("mixer_s32_224", **SMALL), VIT),
    "timm convmixer_768_32": Family(_timm("convmixer_768_32"), VIT, units=1),
    "timm xcit_nano_12_p16_224": Family(_timm("xcit_nano_12_p16_224"), VIT),
    "timm swin_tiny_patch4_window7_224": Family(
        _timm("swin_tiny_patch4_window7_224", img_size=112), WINDOWS, units=3, size=112
    ),
    "timm swinv2_tiny_window8_256": Family(_timm("swinv2_tiny_window8_256", img_size=128), WINDOWS, units=3, size=128),
    "timm convnext_tiny": Family(_timm("convnext_tiny"), STAGES, units=1),
    "timm convnextv2_atto": Family(_timm("convnextv2_atto"), STAGES, units=1),
    "timm poolformer_s12": Family(_timm("poolformer_s12"), STAGES, units=1),
    "timm resnet18": Family(_timm("resnet18"), r"layer\d+\.\d+", units=1),
    "timm regnety_002": Family(_timm("regnety_002"), r"s\d+\.b\d+", units=1),
    "timm efficientnet_b0": Family(_timm("efficientnet_b0"), r"blocks\.\d+\.\d+", units=1),
    "timm mobilenetv3_small_100": Family(_timm("mobilenetv3_small_100"), r"blocks\.\d+\.\d+", units=1),
    "torchvision vit_b_16": Family(_torchvision("vit_b_16", image_size=64), r"encoder\.layers\.\w+", prefix=1),
    "torchvision swin_t": Family(_torchvision("swin_t"), FEATURES, units=3),
    "torchvision swin_v2_t": Family(_torchvision("swin_v2_t"), FEATURES, units=3),
    "torchvision convnext_tiny": Family(_torchvision("convnext_tiny"), FEATURES, units=1),
    "torchvision resnet18": Family(_torchvision("resnet18"), r"layer\d+\.\d+", units=1),
    "torchvision efficientnet_b0": Family(_torchvision("efficientnet_b0"), r"features\.\d+\.\d+", units=1),
    "torchvision mobilenet_v3_small": Family(_torchvision("mobilenet_v3_small"), r"features\.\d+", units=1),
    "torchvision densenet121": Family(_torchvision("densenet121"), r"features\.denseblock\d+\.denselayer\d+", units=1),
    "open_clip ViT-S-32": Family(_open_clip("ViT-S-32"), r"transformer\.resblocks\.\d+", prefix=1),
    "open_clip RN50": Family(_open_clip("RN50"), r"layer\d+\.\d+", units=1),
}


def reference(module: torch.nn.Module, family: Family, x: np.ndarray) -> dict[str, np.ndarray]:
    """By path of the block the means over places of every sample, each of which went through alone."""
    found: dict[str, list[np.ndarray]] = {}

    def keep(path: str) -> Callable[..., None]:
        def look(_module: Any, _args: Any, out: Any) -> None:
            hidden = out[0] if isinstance(out, tuple) else out
            units = hidden.movedim(family.units, -1).flatten(1, -2)[0]
            found.setdefault(path, []).append(units[family.prefix :].mean(0).numpy())

        return look

    handles = [
        part.register_forward_hook(keep(path))
        for path, part in module.named_modules()
        if re.fullmatch(family.blocks, path)
    ]
    with torch.no_grad():
        for one in x:
            module(torch.from_numpy(one[None]))
    for handle in handles:
        handle.remove()
    return {path: np.stack(each) for path, each in found.items()}


def judged(name: str, family: Family) -> Outcome:
    """The first block that is wrong decides; blocks that are no layers are named."""
    torch.manual_seed(0)
    try:
        module = family.make().double().eval()
        x = np.random.default_rng(0).standard_normal((N, 3, family.size, family.size))
        expected = reference(module, family, x)
    except Exception as error:  # nothing of layerscape has run
        return Outcome(name, "not tried", float("nan"), f"{type(error).__name__}: {error}"[:150])
    samples = Samples(tuple(f"s{i}" for i in range(N)), "array", lambda rows: [x[row] for row in rows], "0")
    try:
        network = open_model(module, make_inputs=lambda rows: torch.from_numpy(np.stack(rows)))
        states = [info.name for info in network.layers("mean", [x[0], x[1]]) if info.name.startswith("block_")]
        if len(states) != len(expected):  # no axis of depth is told, as where every stage has another shape
            states = [info.name for info in network.layers("mean", [x[0], x[1]], select=list(expected))]
        where = dict(zip(expected, states, strict=True))
        names = list(where.values())
        prove(network, samples, names, "mean")
        worst = 0.0
        for size in (1, 7):
            ((_, table),) = network.blocks(samples, names, "mean", block_rows=N, batch_size=size)
            for path, wanted in expected.items():
                off = np.linalg.norm(table[where[path]] - wanted, axis=1) / np.linalg.norm(wanted, axis=1)
                worst = max(worst, float(off.max()))
                if worst > RIGHT:
                    return Outcome(name, "wrong", worst, f"{path} as {where[path]}, batches of {size}")
    except LayerscapeError as refusal:
        return Outcome(name, "refused", float("nan"), str(refusal))
    return Outcome(name, "right", worst, f"{len(expected)} blocks, {states[0]} to {states[-1]}")


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    wanted = parser.parse_known_args()[0].names
    outcomes = []
    for name, family in FAMILIES.items():
        if not wanted or any(word in name for word in wanted):
            try:
                outcomes.append(judged(name, family))
            except Exception as error:
                outcomes.append(Outcome(name, "wrong", float("nan"), f"{type(error).__name__}: {error}"[:200]))
            print(outcomes[-1], flush=True)
    lines = [f"In float64 against hooks of plain torch {torch.__version__}, alone and in batches of 7."]
    lines += ["", "| network | verdict | furthest off | |", "|---|---|---:|---|"]
    for each in outcomes:
        note = " ".join(each.note.replace("|", "/").split())
        lines.append(f"| {each.family} | {each.verdict} | {each.error:.1g} | {note} |")
    publish("Networks of timm, torchvision and open_clip", lines)


if __name__ == "__main__":
    main()
