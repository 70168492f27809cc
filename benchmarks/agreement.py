"""Do our dimensions agree with DADApy and scikit-dimension where these are right, and with the truth elsewhere?

Run:  python -m benchmarks.agreement --dadapy PYTHON --skdim PYTHON [--write]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from benchmarks.peers import ask, interpreters
from benchmarks.publish import publish
from layerscape import LayerscapeError, estimate
from layerscape.measures import catalog

EACH = """answer = {}
for name in sys.argv[2:]:
    x = np.load(f"{sys.argv[1]}/{name}.npy").astype(float)
    row = answer[name] = {}
    def tell(key, call):
        try:
            row[key] = [float(v) for v in np.atleast_1d(call())]
        except Exception as error:
            row[key] = type(error).__name__"""

DADAPY = """
from dadapy import Data
EACH
    def data():
        return Data(x, maxk=min(100, len(x) - 1), verbose=False)
    tell("twonn", lambda: data().compute_id_2NN(algorithm="ml")[0])
    tell("twonn fit", lambda: data().compute_id_2NN(algorithm="base")[0])
    tell("gride", lambda: data().return_id_scaling_gride(range_max=64)[0])
    def prior():
        return data().compute_id_2NN_wprior(alpha=2, beta=5)[0]
    tell("twonn prior", prior)
"""

SKDIM = """
import skdim
EACH
    tell("twonn fit", lambda: skdim.id.TwoNN().fit(x).dimension_)
    tell("twonn censored", lambda: skdim.id.TwoNN(method="mle").fit(x).dimension_)
    def gride():
        found = skdim.id.GRIDE(multiscale=True, range_max=64).fit(x)
        return found.dimension_scales_
    tell("gride", gride)
    def local():
        return 1 / np.mean(1 / skdim.id.MLE().fit(x, n_neighbors=20).dimension_pw_)
    tell("levina_bickel", local)
    if len(x) <= 2000:
        tell("correlation_dimension", lambda: skdim.id.CorrInt().fit(x).dimension_)
"""


def sound(rng: np.random.Generator) -> dict[str, np.ndarray]:
    t = 1.5 * np.pi * (1 + 2 * rng.random(2000))
    return {
        "uniform, d = 5": rng.random((2000, 5)),
        "Gaussian, d = 10": rng.standard_normal((2000, 10)),
        "swiss roll": np.c_[t * np.cos(t), 21 * rng.random(2000), t * np.sin(t)],
        "load_digits": load_digits().data,
    }


def unsound(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, float]]:
    """Data of known dimension on which known implementations fail, with what the clean data read (TwoNN)."""
    x = rng.random((2000, 5))
    clean = estimate("twonn", x).value
    wide = (rng.standard_normal((3000, 8)) @ rng.standard_normal((8, 768)) / 10).astype(np.float32)
    twins = np.concatenate([wide, wide[:300]])
    cloud = rng.standard_normal((3000, 4))
    found = {f"{share:.0%} of the rows have a twin": (np.concatenate([x, x[:n]]), clean) for share, n in
             ((0.04, 40), (0.15, 160), (0.33, 400), (0.67, 1000))}  # fmt: skip
    found["300 byte-equal twins, float32, D = 768"] = twins, estimate("twonn", wide).value
    nearly = np.nextafter(wide[:300], np.float32(np.inf))
    found["300 twins, last bit differs"] = np.concatenate([wide, nearly]), estimate("twonn", wide).value
    found["offset of 1e6"] = cloud + 1e6, estimate("twonn", cloud).value
    found["offset of 1e7"] = cloud + 1e7, estimate("twonn", cloud).value
    found["scale of 1e-17"] = cloud * 1e-17, estimate("twonn", cloud).value
    found["lattice of 8 × 8 × 8"] = np.indices((8, 8, 8)).reshape(3, -1).T.astype(float), np.nan
    for n in (32, 64):
        found[f"N = {n}, d = 3"] = (small := rng.random((n, 3))), estimate("twonn", small).value
    return found


def ours(x: np.ndarray) -> dict[str, list[float] | str]:
    row: dict[str, list[float] | str] = {}
    asked = {
        "twonn": ("twonn", {}),
        "twonn fit": ("twonn", {"method": "fit"}),
        "twonn censored": ("twonn", {"discard": 0.1}),
        "twonn prior": ("twonn", {"prior": (2, 5)}),
        "gride": ("gride", {}),
        "levina_bickel": ("levina_bickel", {"k": 20}),
        "correlation_dimension": ("correlation_dimension", {}),
    }
    for key, (name, options) in asked.items():
        if name not in catalog():
            continue
        try:
            found = estimate(name, x, **options)
            row[key] = [point.value for point in found.curve] if name == "gride" else [found.value]
        except LayerscapeError as error:
            row[key] = f"refused: {error}"
    return row


def peers(python: str, code: str, data: dict[str, np.ndarray]) -> dict[str, dict[str, list[float] | str]]:
    with tempfile.TemporaryDirectory() as folder:
        for name, x in data.items():
            np.save(Path(folder) / name, x)
        return ask(python, code.replace("EACH", EACH), folder, *data)


def agreement(data: dict[str, np.ndarray], given: argparse.Namespace) -> list[str]:
    lines = ["| data | estimator | DADApy 0.3.4 | scikit-dimension 0.5.0 |", "|---|---|---|---|"]
    there = {"dadapy": peers(given.dadapy, DADAPY, data), "skdim": peers(given.skdim, SKDIM, data)}
    for name, x in data.items():
        mine = ours(x)
        for key, values in mine.items():
            cells = [_difference(values, there[who][name].get(key)) for who in there]
            if any(cells):
                lines.append(f"| {name} | {key} | " + " | ".join(cells) + " |")
    return lines


def _difference(mine: list[float] | str, other: list[float] | str | None) -> str:
    """The largest relative difference, over all scales of a curve."""
    if other is None or isinstance(mine, str) or isinstance(other, str):
        return "" if other is None else f"{other}"
    n = min(len(mine), len(other))
    return f"{np.max(np.abs(np.array(mine[:n]) / np.array(other[:n]) - 1)):.1e}"


def truth(data: dict[str, tuple[np.ndarray, float]], given: argparse.Namespace) -> list[str]:
    lines = [
        "| data | the clean data read | ours, TwoNN | DADApy TwoNN, ml / base | scikit-dimension TwoNN, fit "
        "| ours, Gride n₁ = 2 | DADApy | scikit-dimension |",
        "|---|---|---|---|---|---|---|---|",
    ]
    names = {f"case{number}": name for number, name in enumerate(data)}
    arrays = {key: data[name][0] for key, name in names.items()}
    dadapy, skdim = peers(given.dadapy, DADAPY, arrays), peers(given.skdim, SKDIM, arrays)
    for key, name in names.items():
        x, clean = data[name]
        mine = ours(x)
        cells = [
            "none" if np.isnan(clean) else f"{clean:.3f}",
            _said(mine["twonn"]),
            f"{_said(dadapy[key]['twonn'])} / {_said(dadapy[key]['twonn fit'])}",
            _said(skdim[key]["twonn fit"]),
            _said(mine["gride"], 1),
            _said(dadapy[key]["gride"], 1),
            _said(skdim[key]["gride"], 1),
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _said(values: list[float] | str, place: int = 0) -> str:
    if isinstance(values, str):
        return "refused, in words" if values.startswith("refused") else values
    return f"{values[place]:.3f}" if place < len(values) else "–"


def main() -> None:
    given = interpreters("dadapy", "skdim")
    rng = np.random.default_rng(0)
    lines = ["`benchmarks/agreement.py`. Largest relative difference to the peers, over all scales of a curve.", ""]
    lines += agreement(sound(rng), given)
    lines += ["", "Where they are wrong, beside what the data read without what disturbs them:", ""]
    lines += truth(unsound(rng), given)
    publish("Agreement of dimensions", lines)


if __name__ == "__main__":
    main()
