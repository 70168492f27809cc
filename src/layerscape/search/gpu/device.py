"""The device: whether it is there, what torch does with matrices on it meanwhile, and how much memory it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from layerscape.core.threads import WhileAny
from layerscape.errors import InvalidValue, require

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "models")

Made = TypeVar("Made")

USABLE = 0.8  # of the free memory: the rest is for what torch and the driver take themselves
TRIES = 4  # each with half of the memory of the one before
REDUCED = (  # what torch may do in less than float32 with sums of products
    "allow_fp16_accumulation",
    "allow_fp16_reduced_precision_reduction",
    "allow_bf16_reduced_precision_reduction",
)


def available(wanted: str) -> str | None:
    """The device that is wanted, in torch's words; None if ``"auto"`` finds no CUDA.

    Raises
    ------
    InvalidValue
        If a device was named and is not there.
    """
    n_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return "cuda" if n_devices else None
    if int(wanted.partition(":")[2] or 0) < n_devices:
        return wanted
    seen = f"only {', '.join(f'cuda:{n}' for n in range(n_devices))}" if n_devices else "no CUDA device"
    raise InvalidValue(f"device={wanted!r} asked for, and torch sees {seen} here; use device='cpu' or 'auto'.")


def place_of(device: str) -> torch.device:
    """The device with its number: ``"cuda"`` is another one once a user has changed torch's, and in another thread."""
    place = torch.device(device)
    if place.type == "cuda" and place.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return place


@contextmanager
def full_products(device: torch.device) -> Iterator[None]:
    """For a time no TF32, no sums in less than float32 and no autocast; then what torch was set to before.

    Nor need products be the same each time, which torch may refuse to promise: the graph does not depend on it.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.autocast(device.type, enabled=False))
        stack.enter_context(torch.no_grad())
        if device.type == "cuda":
            stack.enter_context(torch.cuda.device(device))
        stack.enter_context(_full_precision())
        yield


@WhileAny
def _full_precision(before: ExitStack) -> None:
    """What torch may do with products in less than float32."""
    matmul = torch.backends.cuda.matmul
    # Where torch has the first name, the second may raise an error after the first was used.
    wanted: dict[str, Any] = {"fp32_precision": "ieee"} if hasattr(matmul, "fp32_precision") else {"allow_tf32": False}
    wanted |= {name: False for name in REDUCED if hasattr(matmul, name)}
    before.callback(torch.set_deterministic_debug_mode, torch.get_deterministic_debug_mode())
    torch.set_deterministic_debug_mode("default")
    for name, value in wanted.items():
        before.callback(setattr, matmul, name, getattr(matmul, name))
        setattr(matmul, name, value)


def free_memory(device: torch.device, memory: int) -> int:
    """Bytes of the device that can be used; ``memory`` on torch's processor device."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # by torch, from what was there before
        return int(USABLE * (torch.cuda.mem_get_info()[0] + kept))
    return memory


def within(device: torch.device, memory: int, attempt: Callable[[int], Made]) -> Made:
    """What an attempt makes with so many bytes of the device; with ever fewer, where these are more than it has.

    Raises
    ------
    InvalidValue
        If an eighth of what seemed to be free is too much.
    """
    free = free_memory(device, memory)
    for _ in range(TRIES):
        try:
            return attempt(free)
        except RuntimeError as error:  # which libraries below torch raise for this too
            if not is_full(error):
                raise
        free //= 2  # outside of the handler, where the error holds what the attempt had made
        if device.type == "cuda":
            torch.cuda.empty_cache()
    raise InvalidValue(
        f"device='{device}' ran out of memory; free some of it, give a smaller memory= than {memory} "
        "bytes, or use device='cpu'."
    )


def is_full(error: RuntimeError) -> bool:
    """Whether an error says that memory of the device ran out."""
    return any(words in str(error) for words in ("out of memory", "ALLOC_FAILED"))
