"""Pages that are written from the code: protocols, commands, and what stands under `ls.`."""

from __future__ import annotations

from collections.abc import Iterator

import layerscape as ls
from layerscape.cli import HOMES
from layerscape.core.words import listed
from layerscape.pipeline.protocols import PROTOCOLS, Protocol
from tools.docs.marking import facts, heading, link_papers

SIZES = 90_000, 5_000  # numbers of samples of which it is said what a protocol draws
ERRORS = {"sd": "standard deviation over the subsets", "sem": "standard deviation over the subsets / √number"}


def written_pages() -> Iterator[tuple[str, str]]:
    """Name and text of every page but those of measures and figures."""
    yield "protocols.md", protocols()
    yield "command-line.md", commands()
    yield "python.md", python()


def protocols() -> str:
    """How the dimensions of papers were computed."""
    parts = [
        heading("Protocols"),
        "How the dimensions of published papers were computed, by name, so that a profile can be put beside theirs. "
        "What each paper's code did is known from reading it; what could not be found out is said.",
        '```python\nls.measure(run, protocol="valeriani2023")\n```\n\n'
        "```console\n$ layerscape measure runs/mine --protocol valeriani2023\n```",
        *(f"{heading(name, 2)}\n\n{facts(dict(_facts(each)))}" for name, each in PROTOCOLS.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(protocol: Protocol) -> Iterator[tuple[str, str]]:
    yield "source", link_papers(protocol.source)
    options = "".join(f", `{name}={value!r}`" for name, value in protocol.options.items())
    yield "measure", f"[{protocol.measure}](measures/{protocol.measure}.md){options}"
    if protocol.any_scale:
        yield "scale", f"the finest, or that of `{protocol.name}@N₁`, N₁ = 1, 2, 4, 8, …"
    elif protocol.point:
        yield "scale", f"{protocol.point} neighbors, n₁ = {protocol.point // 2}"
    yield "samples", _draws(protocol)
    yield "error bar", ERRORS.get(protocol.error, "none; the interval is ours")
    yield "overlaps", f"k = {protocol.k}" if protocol.k else "none"
    if protocol.class_fraction:
        yield "overlaps with labels", f"k is {protocol.class_fraction:.0%} of a sample's class"
    yield "layers", protocol.hook
    yield "pooling", protocol.pooling
    yield "its data", protocol.data
    yield "not known", protocol.unknown


def _draws(protocol: Protocol) -> str:
    if protocol.sizes is None:
        return "all"
    drawn = [(n, *protocol.sizes(n)) for n in SIZES]
    kind = "disjoint" if protocol.disjoint else "random"
    return listed([f"of {n:,} {number} {kind} subsets of {size:,}" for n, size, number in drawn])


def commands() -> str:
    """Every command with its options, as `--help` says them."""
    parts = [
        heading("Command line"),
        "What `layerscape COMMAND --help` says. With `--json` a command prints one JSON object on standard output and "
        "nothing else there. Status 0 is done, 2 what you can mend.",
    ]
    for name, home in HOMES.items():
        lines = (
            f".. click:: layerscape.cli.{home}:{name}_command",
            f"   :prog: layerscape {name}",
            "   :nested: short" if name == "estimate" else "   :nested: full",
        )
        parts.append("```{eval-rst}\n" + "\n".join(lines) + "\n```")
    return "\n\n".join(parts) + "\n"


def python() -> str:
    """Every public name with its docstring."""
    parts = [heading("Python"), "All that stands under `ls`, after `import layerscape as ls`."]
    for kind, called in (("Functions", "autofunction"), ("Classes", "autoclass")):
        parts.append(heading(kind, 2))
        for name in sorted(ls.__all__):
            value = getattr(ls, name)
            if callable(value) and isinstance(value, type) == (kind == "Classes"):
                directive = f".. {called}:: {value.__module__}.{value.__name__}"
                parts.append(f"{heading(name, 3)}\n\n```{{eval-rst}}\n{directive}\n   :no-index:\n```")
    return "\n\n".join(parts) + "\n"
