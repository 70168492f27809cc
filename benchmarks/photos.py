"""Peak memory of an extraction from folders of photos, printed as one table: it must not grow with their number.

    python -m benchmarks.photos [--photos 2000,20000] [--size 640x480] [--formats jpg] [--write]

The photos are smooth noise of the size and in the formats that are given; every name in the folder is a link to one of
100 files, so that 20,000 of them take no disk. Each extraction is a process of its own (a ViT of random weights, two
blocks of 32 units, batches of 64), and memory is its greatest resident set (Linux only). *Opened* are the processor
seconds in which all files are found whole, before the network sees one; *in all* is the whole run.

Previews, about 10 kB each, lie in a file until their block is written, so that none of them takes memory. Small
photos show sooner what grows: `--size 64x48`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.publish import publish

BEFORE = (
    "Seconds of a processor. When each was decoded beforehand too, 2,000 took 2.1 (jpg) and 25.6 (png) to open, "
    "and 18 and 58 in all."
)
CHILD = """
import resource, sys, time, warnings
warnings.simplefilter("ignore")
import torch, layerscape as ls
from layerscape.pipeline.samples import as_samples
from transformers import ViTConfig, ViTImageProcessor, ViTModel
start = time.process_time()
as_samples(sys.argv[2], follow_links=True)
opened = time.process_time() - start
ls.extract(sys.argv[1], sys.argv[2], out=sys.argv[3], follow_links=True, device="cpu", progress=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(peak, opened, time.process_time() - start - opened)
"""


def photos(folder: Path, n: int, width: int, height: int, ending: str = "jpg") -> Path:
    """A folder of n photos, 100 of them different."""
    from PIL import Image

    rng, home = np.random.default_rng(0), folder / f"{ending} {n}"
    kept = folder / "kept"
    kept.mkdir(exist_ok=True)
    home.mkdir()
    for number in range(n):
        file = kept / f"{number % 100}.{ending}"
        if not file.exists():
            small = Image.fromarray(rng.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8))
            small.resize((width, height), Image.Resampling.BICUBIC).save(file, quality=90)
        (home / f"{number:06d}.{ending}").symlink_to(file)
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
    parser.add_argument("--formats", default="jpg")
    given = parser.parse_known_args()[0]
    width, height = map(int, given.size.split("x"))
    lines = ["| photos | pixels | decoded, all | peak memory | opened, s | in all, s |", f"|---:|---{'|---:' * 4}|"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        network = model(folder)
        for ending, n in product(given.formats.split(","), map(int, given.photos.split(","))):
            inputs = photos(folder, n, width, height, ending)
            words = [sys.executable, "-c", CHILD, str(network), str(inputs), str(folder / f"run {ending} {n}")]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            peak, opened, whole = map(float, done.stdout.split()[-3:])
            decoded = n * width * height * 3 / 2**20
            taken = f"{decoded:,.0f} MiB | {peak:,.0f} MiB | {opened:.1f} | {whole:.0f}"
            lines.append(f"| {n:,} {ending} | {width} × {height} | {taken} |")
    if given.size == "640x480":
        lines += ["", BEFORE]
    publish(f"Memory of an extraction from {'' if given.size == '640x480' else 'small '}photos", lines)


if __name__ == "__main__":
    main()
