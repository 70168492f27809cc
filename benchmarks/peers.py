"""Ask DADApy and scikit-dimension, each in an interpreter of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
from typing import Any

MARK = "ANSWER"  # what a peer prints before it is its own


def interpreters() -> argparse.Namespace:
    """The interpreters that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dadapy", required=True, help="an interpreter that has dadapy 0.3.4")
    parser.add_argument("--skdim", required=True, help="an interpreter that has scikit-dimension 0.5.0")
    return parser.parse_known_args()[0]


def ask(python: str, code: str, *arguments: str) -> Any:
    """What the code leaves in ``answer``, by way of JSON."""
    whole = (
        "import json, sys, warnings\nimport numpy as np\nwarnings.simplefilter('ignore')\n"
        f"{code}\nprint('{MARK}' + json.dumps(answer))"
    )
    done = subprocess.run([python, "-c", whole, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.rpartition(MARK)[2])
