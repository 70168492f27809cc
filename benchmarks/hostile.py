"""What comes of files that a stranger brings: the right value, one line that says why not, or what should not be?

Run:  python -m benchmarks.hostile [--only files|images|models] [--write]

Every array or table, folder of images and folder of a model of `hostile_files`, `hostile_images` and `hostile_models`
is opened through every door that takes such a thing, in a process of its own that may take 90 s of a processor and
4 GiB more than it began with. Right is what the file holds, or an error of layerscape in one line (a picture that is
left out has such a line too); wrong is any other value, any other exception, a process that had to be ended, and code
that was run.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import contextlib
import io
import resource
import select
import signal
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hostile_files import File, files
from benchmarks.hostile_images import GRAY, Folder, folders
from benchmarks.hostile_models import Model, models
from benchmarks.publish import publish
from benchmarks.small_bert import small_bert
from layerscape.cli import main as command
from layerscape.errors import LayerscapeError
from layerscape.inputs import choose_inputs, read_labels, read_matrix

SECONDS, WAIT, MEMORY = 90, 600, 4 * 2**30
VALUE, LINE, OTHER = "right value", "one line", "other value"
KINDS = (VALUE, LINE, OTHER, "raw exception", "killed", "code was run")
TEXTS = ["the old cat sat", "a dog ran far away", "my red house"]


def same(found: Any, right: Any) -> bool:
    found, right = np.asarray(found, float), np.asarray(right, float)
    return found.shape == right.shape and bool(((found == right) | (np.isnan(found) & np.isnan(right))).all())


def one_line(call: Callable[..., Any], *given: Any, **options: Any) -> tuple[Any, str]:
    """What a call gives and nothing; or nothing, and how it ended instead."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        try:
            return call(*given, **options), ""
        except LayerscapeError as error:
            return None, LINE if "\n" not in str(error) else f"raw {type(error).__name__} of many lines"
        except MemoryError as error:
            return None, f"killed: {error}"
        except Exception as error:
            return None, f"raw {type(error).__name__}: {' '.join(str(error).split())[:150]}"


def of_file(case: File, path: Path) -> str:
    """What the doors to arrays say; those to labels, to samples and the command line only must not fail otherwise."""
    found, ended = one_line(read_matrix, path)
    if not ended:
        ended = VALUE if case.value is not None and same(found, case.value) else OTHER
    del found
    if ended not in (VALUE, LINE):
        return ended
    for door in (read_labels, all_of, lambda path: command(["estimate", "participation_ratio", str(path)])):
        _, other = one_line(door, path)
        if other not in ("", LINE):
            return f"{other} (by another door)"
    return ended


def all_of(path: Path) -> dict[str, Any]:
    """Every sample of an input, by its id."""
    samples = choose_inputs(path, skip_bad=True).samples()
    assert all("\n" not in reason for _, reason in samples.skipped)
    return dict(zip(samples.ids, samples.read(range(len(samples.ids))), strict=True))


def of_folder(case: Folder, path: Path) -> str:
    found, ended = one_line(all_of, path)
    if ended or case.right is None:
        return ended or OTHER
    right = {"good.png": GRAY, **case.right}
    if found.keys() != right.keys() or not all(same(found[name], right[name]) for name in right):
        return OTHER
    return VALUE if case.right else LINE  # one that was left out has its reason


def vectors(path: str | Path) -> dict[str, np.ndarray]:
    """What the layers of a model give to some texts."""
    from layerscape.core.samples import Samples
    from layerscape.extraction import open_model

    network = open_model(str(path), device="cpu")
    texts = Samples(("a", "b", "c"), "text", lambda rows: [TEXTS[row] for row in rows], fingerprint="0")
    names = [layer.name for layer in network.layers()]
    ((_, found),) = network.blocks(texts, names, "mean", block_rows=3)
    return found


def of_model(case: Model, path: Path, right: dict[str, np.ndarray]) -> str:
    found, ended = one_line(vectors, path)
    if ended:
        return ended
    alike = case.right and found.keys() == right.keys() and all(same(found[name], right[name]) for name in right)
    return VALUE if alike else OTHER


def apart(call: Callable[[], str], seconds: int = SECONDS, memory: int = MEMORY) -> str:
    """What a call says, made in a process of its own that may take so much."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + memory, taken + memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        try:
            said = call()
        except BaseException as error:
            said = f"raw {type(error).__name__}: {error}"
        os.write(writer, said.encode()[:4000])
        os._exit(0)
    os.close(writer)
    in_time = select.select([reader], [], [], WAIT)[0]
    said = os.read(reader, 4000).decode(errors="replace") if in_time else ""
    os.close(reader)
    if not said:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return said or (f"killed: signal {os.WTERMSIG(status)}" if in_time else f"killed after {WAIT} s")


def tried(case: Any, how: Callable[[Any, Path], str], *given: Any) -> str:
    """What comes of a case in an empty folder, from which whatever is run may write."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        path = case.write(Path(folder), *given)
        (work := Path(folder) / "work").mkdir()
        os.chdir(work)
        try:
            came = apart(lambda: how(case, path))
        finally:
            os.chdir(before)
        return "code was run" if any(work.iterdir()) else came


def kind_of(came: str) -> str:
    return next((kind for kind in KINDS if came.startswith(kind.split()[0]) and kind != "one line"), LINE)


def all_models() -> Iterable[tuple[Model, str]]:
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(small_bert(Path(folder)))
        right = vectors(whole)
        for case in models():
            yield case, tried(case, lambda case, path: of_model(case, path, right), whole)


def all_files() -> Iterable[tuple[File, str]]:
    with tempfile.TemporaryDirectory() as folder:
        one_line(command, ["estimate", "participation_ratio", str(files()[0].write(Path(folder)))])  # imports, once
    for case in files():
        yield case, tried(case, of_file)


TRIALS: dict[str, Callable[[], Iterable[tuple[Any, str]]]] = {
    "files": all_files,
    "images": lambda: ((case, tried(case, of_folder)) for case in folders()),
    "models": all_models,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", choices=list(TRIALS))
    asked = parser.parse_known_args()[0]
    counts: dict[str, Counter[str]] = {}
    for name in [asked.only] if asked.only else TRIALS:
        for case, came in TRIALS[name]():
            group = name if name != "files" else "files: " + case.format
            counts.setdefault(group, Counter())[kind_of(came)] += 1
            wanted = getattr(case, "value", None) is not None or getattr(case, "right", None)
            if kind_of(came) != (VALUE if wanted else LINE):
                print(f"{group}, {case.what}: {came}", flush=True)
    lines = [
        "`python -m benchmarks.hostile`: each in a process that may take 90 s of a processor and 4 GiB.",
        "",
        "When they were first tried, 5 were killed, 2 ended in a raw exception and 3 in another value.",
        "",
        f"| what | cases | {' | '.join(KINDS)} |",
        "|---|---|" + "---|" * len(KINDS),
        *(
            f"| {name} | {own.total()} | {' | '.join(str(own[kind]) for kind in KINDS)} |"
            for name, own in counts.items()
        ),
    ]
    publish("Files of strangers", lines)


if __name__ == "__main__":
    main()
