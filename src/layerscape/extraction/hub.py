"""The hub: whether it can be reached, asked once, so that nobody waits for retries of every file."""

from __future__ import annotations

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
