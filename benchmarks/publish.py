"""Print a table, and with --write put it into RESULTS.md under its heading, with date, hardware and versions."""

from __future__ import annotations

import argparse
import os
import platform
import re
from datetime import date
from pathlib import Path

from layerscape.core.provenance import versions

RESULTS = Path(__file__).with_name("RESULTS.md")


def publish(heading: str, lines: list[str]) -> None:
    """Print the lines; replace or append their section in RESULTS.md if the script was called with --write."""
    text = "\n".join(lines)
    print(text)
    if not options().write:
        return
    libraries = ", ".join(f"{name} {version}" for name, version in versions().items())
    section = f"## {heading}\n\n{text}\n\n{date.today()}; {hardware()}; {libraries}.\n"
    old = RESULTS.read_text() if RESULTS.exists() else "# Results\n\nEach section was written by the script it names.\n"
    pattern = re.compile(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    new = pattern.sub(lambda _: section + "\n", old) if pattern.search(old) else old.rstrip() + "\n\n" + section
    RESULTS.write_text(new.rstrip() + "\n")


def hardware() -> str:
    """The processor and how many of its cores there are."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*:\s*(.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    return f"{os.cpu_count()} cores of {names[0] if names else platform.processor() or platform.machine()}"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    return parser.parse_known_args()[0]
