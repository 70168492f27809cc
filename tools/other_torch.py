"""Check networks of timm, torchvision and open_clip in an environment of its own, since they want another torch.

    python tools/other_torch.py [FOLDER] [NAME …] [--write]

Installs torch 2.14.1, torchvision 0.29.1, timm and open_clip beside this project into FOLDER (5.6 GB, ten minutes), or
into a folder that is removed again, and runs `benchmarks.other_families` there; `--write` puts its table into
benchmarks/RESULTS.md. An environment that is there already is used again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PINNED = ("torch==2.14.1", "torchvision==0.29.1", "timm==1.0.31", "open_clip_torch==3.3.0")
NEEDED = 8 * 2**30  # bytes, of which the installer gives some back
HOME = Path(__file__).parents[1]


def install(folder: Path) -> Path:
    """The python of an environment with all of them."""
    python, done = folder / "bin" / "python", folder / "installed"
    if done.exists():
        return python
    folder.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder).free) < NEEDED:
        raise SystemExit(f"error: {folder} has {free // 2**20:,} MiB of room, and {NEEDED // 2**20:,} are needed.")
    venv.create(folder, with_pip=True)
    constraints = folder / "constraints.txt"
    lines = (HOME / "constraints.txt").read_text().splitlines()
    constraints.write_text("\n".join(line for line in lines if not line.startswith("torch==")))
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir", "-c", str(constraints)]
    subprocess.run([*pip, f"{HOME}[models]", *PINNED], check=True)
    done.touch()
    return python


def main() -> None:
    """Install, run, and remove what was not to be kept."""
    given = sys.argv[1:]
    kept = bool(given) and ("/" in given[0] or os.sep in given[0])
    with tempfile.TemporaryDirectory() as temporary:
        python = install(Path(given[0]) if kept else Path(temporary) / "env")
        environment = {**os.environ, "PYTHONPATH": f"{HOME / 'src'}{os.pathsep}{HOME}"}
        command = [str(python), "-m", "benchmarks.other_families", *given[kept:]]
        raise SystemExit(subprocess.run(command, cwd=HOME, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
