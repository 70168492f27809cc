"""Ask DADApy, scikit-dimension and others, each in an interpreter of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
from typing import Any

MARK = "ANSWER"  # what a peer prints before it is its own


HAS = {"dadapy": "dadapy 0.3.4", "skdim": "scikit-dimension 0.5.0", "rsatoolbox": "rsatoolbox, dcor and statsmodels"}


def interpreters(*peers: str) -> argparse.Namespace:
    """The interpreters that the command line names."""
    parser = argparse.ArgumentParser()
    for peer in peers:
        parser.add_argument(f"--{peer}", required=True, help=f"an interpreter that has {HAS[peer]}")
    return parser.parse_known_args()[0]


def ask(python: str, code: str, *arguments: str) -> Any:
    """What the code leaves in ``answer``, by way of JSON."""
    whole = (
        "import json, sys, warnings\nimport numpy as np\nwarnings.simplefilter('ignore')\n"
        f"{code}\nprint('{MARK}' + json.dumps(answer))"
    )
    done = subprocess.run([python, "-c", whole, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.rpartition(MARK)[2])
