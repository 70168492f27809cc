"""Runs steps as if layerscape were installed with some extras only: `python minimal.py` reads the extras and the steps.

What does not come with these extras is hidden from every import, by what the packages say that they need. A step is
the words of a command, or code; of each comes back how it ended, as a list: a status and what it said last.
"""

import contextlib
import io
import json
import sys
import tomllib
import traceback
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


def needs(name):
    """What a package says that it needs; of layerscape what the project says now."""
    if name != "layerscape":
        return requires(name) or []
    optional = PROJECT["optional-dependencies"].items()
    return PROJECT["dependencies"] + [f"{line}; extra == {extra!r}" for extra, lines in optional for line in lines]


def installed_with(extras):
    """Names of all packages that come with layerscape and these extras."""
    found, left = {}, [Requirement(f"layerscape[{','.join(extras)}]")]
    while left:
        package = left.pop()
        name = canonicalize_name(package.name)
        if {"", *package.extras} <= found.get(name, set()):
            continue
        chosen = found[name] = {"", *package.extras} | found.get(name, set())
        for each in map(Requirement, needs(name)):
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in chosen):
                left.append(each)
    return set(found)


class Without:
    """A finder that does not find some modules."""

    def __init__(self, finder, hidden):
        self._finder, self._hidden = finder, hidden

    def find_spec(self, name, *more):
        return None if name.split(".")[0] in self._hidden else self._finder.find_spec(name, *more)

    def __getattr__(self, name):
        return getattr(self._finder, name)


def hide_all_but(kept):
    hidden = {
        module
        for module, packages in packages_distributions().items()
        if not kept & {canonicalize_name(package) for package in packages}
    }
    sys.meta_path = [Without(finder, hidden) for finder in sys.meta_path]
    for module in [module for module in sys.modules if module.split(".")[0] in hidden]:
        del sys.modules[module]


def ended(step):
    from layerscape.cli import main
    from layerscape.errors import MissingExtra

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            status = main(step) if isinstance(step, list) else exec(step, {})
        return [status or 0, said.getvalue()]
    except MissingExtra as error:
        return [2, f"error: {error}\n"]
    except BaseException:
        return [1, traceback.format_exc()]


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    hide_all_but(installed_with(wanted["extras"]))
    sys.stdout.write(json.dumps([ended(step) for step in wanted["steps"]]))
