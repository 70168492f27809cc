"""What does every comparison read on data that are unrelated, the same, or share only what should not count?

Run:  python -m benchmarks.unrelated [--write]

Two Gaussian clouds of 1,024 samples and 768 units. *Unrelated*: independent. *Itself*: a rotation, shift and scaling
of the same cloud. *One unit*: unrelated, but for one unit of a thousand times the spread that both share. *One sample*:
unrelated, but for one sample at a thousand times the distance in both. *Copies*: unrelated, and the first tenth of the
rows repeated in the place of the second tenth in both. A cell is value (chance; p), and a star means that the estimate
carries a warning. p is the share of random pairings that agree as much.
"""

from __future__ import annotations

import numpy as np

from benchmarks.publish import publish
from layerscape import LayerscapeError, estimate
from layerscape.measures import catalog

N, D = 1024, 768


def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, N, D))
    rotation = np.linalg.qr(rng.standard_normal((D, D)))[0]
    found = {"unrelated": (x, y), "itself": (x, 3 * x @ rotation + 1)}
    unit, direction = 1000 * rng.standard_normal(N), rng.standard_normal(D)
    found["one unit"] = tuple(np.c_[unit, z[:, 1:]] for z in (x, y))
    found["one sample"] = tuple(np.r_[1000 * direction[None], z[1:]] for z in (x, y))
    tenth = N // 10
    found["copies"] = tuple(np.r_[z[:tenth], z[:tenth], z[2 * tenth :]] for z in (x, y))
    return found


def cell(name: str, a: np.ndarray, b: np.ndarray) -> str:
    try:
        found = estimate(name, a, b)
    except LayerscapeError as error:
        return f"refused: {error}"
    assert found.chance is not None
    return f"{found.value:.3f} ({found.chance.value:.3f}; {found.chance.p:.2g}){'*' if found.warnings else ''}"


def main() -> None:
    data = cases()
    lines = [
        f"`benchmarks.unrelated.py`: N = {N:,}, D = {D}. Value (chance; p); * with a warning.",
        "",
        "| measure | " + " | ".join(data) + " |",
        "|---|" + "---|" * len(data),
    ]
    for name, measure in catalog().items():
        if measure.compares:
            lines.append(f"| {name} | " + " | ".join(cell(name, *pair) for pair in data.values()) + " |")
    publish("What comparisons read on unrelated data", lines)


if __name__ == "__main__":
    main()
