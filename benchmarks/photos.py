"""Peak memory of an extraction from folders of photos, printed as one table: it must not grow with their number.

    python -m benchmarks.photos [--photos 2000,20000] [--size 640x480] [--write]

The photos are smooth noise as JPEG, of the size that is given; every name in the folder is a link to one of 100 files,
so that 20,000 of them take no disk. Each extraction is a process of its own (a ViT of random weights, two
blocks of 32 units, batches of 64), and memory is its greatest resident set (Linux only).

Previews, about 10 kB each, lie in a file until their block is written, so that none of them takes memory. Small
photos show sooner what grows: `--size 64x48`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.publish import publish

CHILD = """
import resource, sys, warnings
warnings.simplefilter("ignore")
import torch, layerscape as ls
from transformers import ViTConfig, ViTImageProcessor, ViTModel
ls.extract(sys.argv[1], sys.argv[2], out=sys.argv[3], follow_links=True, device="cpu", progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def photos(folder: Path, n: int, width: int, height: int) -> Path:
    """A folder of n photos, 100 of them different."""
    from PIL import Image

    rng, home = np.random.default_rng(0), folder / f"photos {n}"
    kept = folder / "kept"
    kept.mkdir(exist_ok=True)
    home.mkdir()
    for number in range(n):
        file = kept / f"{number % 100}.jpg"
        if not file.exists():
            small = Image.fromarray(rng.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8))
            small.resize((width, height), Image.Resampling.BICUBIC).save(file, quality=90)
        (home / f"{number:06d}.jpg").symlink_to(file)
    return home


def model(folder: Path) -> Path:
    """A small vision transformer of random weights."""
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    ViTModel(ViTConfig(image_size=64, patch_size=16, **shape)).save_pretrained(folder / "vit")
    ViTImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder / "vit")
    return folder / "vit"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", default="2000,20000")
    parser.add_argument("--size", default="640x480")
    given = parser.parse_known_args()[0]
    width, height = map(int, given.size.split("x"))
    lines = ["| photos | pixels | decoded, all | peak memory |", "|---:|---|---:|---:|"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        network = model(folder)
        for n in map(int, given.photos.split(",")):
            inputs = photos(folder, n, width, height)
            words = [sys.executable, "-c", CHILD, str(network), str(inputs), str(folder / f"run {n}")]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            peak = int(done.stdout.split()[-1])
            decoded = n * width * height * 3 / 2**20
            lines.append(f"| {n:,} | {width} × {height} | {decoded:,.0f} MiB | {peak:,} MiB |")
    publish(f"Memory of an extraction from {'' if given.size == '640x480' else 'small '}photos", lines)


if __name__ == "__main__":
    main()
