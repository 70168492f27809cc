"""The dimensions of MNIST and KMNIST at every scale, under decimation and beside their controls, as table and figure.

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.pixels [--write]   (which writes docs/pixels.png too)
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import matplotlib as mpl
import numpy as np

import layerscape as ls
from benchmarks.publish import options, publish

mpl.use("agg")
FIGURE = Path(__file__).parents[1] / "docs" / "pixels.png"


def images(name: str) -> np.ndarray:
    folder = Path(os.environ.get("LAYERSCAPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    raw = gzip.decompress((folder / name / "t10k-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(raw[16:], np.uint8).reshape(-1, 784).astype(np.float32)


def main() -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(13, 7), layout="constrained")
    lines = ["`benchmarks/pixels.py`, raw pixels of all 10,000 test images.", ""]
    for row, name in enumerate(("mnist", "kmnist")):
        x = images(name)
        report = ls.dimension_report(x)
        found = report.estimates
        ls.plot.dimension_scale(
            {"gride": found["gride"], "decimation": found["decimation"]}, controls=report.controls, ax=axes[row, 0]
        )
        ls.plot.twonn_fit(ls.estimate("twonn", x, method="fit"), ax=axes[row, 1])
        ls.plot.decimation(found["decimation"], ax=axes[row, 2])
        axes[row, 0].set_title(name.upper())
        lines += [f"| {name.upper()} | " + " | ".join(f"n₁ = {(p.k or 0) // 2}" for p in found["gride"].curve) + " |"]
        lines += ["|---" * (1 + len(found["gride"].curve)) + "|"]
        for who, one in {"gride": found["gride"], **{f"{k} control": v for k, v in report.controls.items()}}.items():
            lines.append(f"| {who} | " + " | ".join(f"{p.value:.2f}" for p in one.curve) + " |")
        thin = ", ".join(
            f"{p.n_samples:,}: {p.value:.2f} ± {(p.high - p.low) / 2:.2f}" for p in found["decimation"].curve
        )
        lines += ["", f"TwoNN by number of samples: {thin}."]
        lines += [
            f"Others: {', '.join(f'{k} {v.value:.2f}' for k, v in found.items() if k not in ('gride', 'decimation'))}."
        ]
        value = "none" if np.isnan(report.value) else f"{report.value:.2f}"
        lines += [f"Report: {value}, because {report.reason}. {' '.join(f'{w}.' for w in report.warnings)}", ""]
    publish("Dimensions of pixels", lines[:-1])
    if options().write:
        figure.savefig(FIGURE, dpi=80)


if __name__ == "__main__":
    main()
