"""The hub: whether it can be reached, asked once, so that nobody waits for retries of every file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SECONDS = 10.0  # for an answer of any kind


def why_unreached() -> str | None:
    """Why the hub gives no answer at all, in one line; None where it answers, or where it is not to be asked.

    What it answers is for those who ask it for a model: a firewall's refusal is an answer too.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    if constants.HF_HUB_OFFLINE:
        return None
    try:
        get_session().head(constants.ENDPOINT, timeout=SECONDS)  # by the proxies and certificates of the user
    except Exception as error:  # of requests or of httpx, as the version has it
        return f"{constants.ENDPOINT}: {' '.join(str(error).split())[:120] or type(error).__name__}"
    return None


def text_of(source: Mapping[str, Any], name: str) -> str | None:
    """The text of a file beside a model, as loaders of transformers are told of it; None where there is none."""
    path = path_of(source, name)
    return path.read_text("utf-8", errors="replace") if path else None


def path_of(source: Mapping[str, Any], name: str) -> Path | None:
    """Where a file beside a model is, fetched if need be; None where there is none."""
    place = source["pretrained_model_name_or_path"]
    path = Path(place) / name
    if not Path(place).is_dir():
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError

        known = {key: source[key] for key in ("revision", "local_files_only")}
        try:
            path = Path(hf_hub_download(place, name, **known))
        except (EntryNotFoundError, OSError, ValueError):
            return None  # the model itself was had, so that this file is not there
    return path if path.is_file() else None
