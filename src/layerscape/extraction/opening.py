"""Open a model by name, from a folder, or from a module that the user has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

from layerscape.core.samples import Kind
from layerscape.errors import InvalidType, InvalidValue, require, unknown_name
from layerscape.extraction.answers import answers_of
from layerscape.extraction.grammar import Pooling

if TYPE_CHECKING:
    import torch

    from layerscape.extraction.made import Factory
    from layerscape.extraction.network import Network

AUTOCAST = "autocast"
DTYPES = ("auto", "float32", "float16", "bfloat16", "float64", AUTOCAST)
PARTS = ("vision", "text", "encoder", "decoder", "both")


def open_model(
    model: str | torch.nn.Module,
    *,
    make_inputs: Callable[[list[Any]], Any] | None = None,
    kind: Kind | None = None,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
    trust_remote_code: bool = False,
    max_length: int | None = None,
    random_init: int | None = None,
    shuffle_tokens: int | None = None,
    part: str | None = None,
    loss: bool = False,
    units_axis: Any = None,
    factory: Factory | None = None,
) -> Network:
    """A network ready for extraction.

    Parameters
    ----------
    model
        ``demo`` or ``demo@CHECKPOINT`` (inside the package), a name on the Hugging Face hub, a local folder, or a
        module, which is never altered: it is copied if it must move to another device or type.
    make_inputs
        Only for a module: turns a list of sample contents into a tensor, tuple or dict of tensors for its forward. A
        dict may hold ``attention_mask`` and ``special_tokens_mask``, shape (batch, tokens), which the pooling heeds.
        Left out, arrays are stacked to float32.
    kind
        What samples it takes: for a module (left out: whatever it is given), and to read proteins as text or back.
    device
        Any name that torch knows, or ``auto``: a module stays where it is, other models go to CUDA, MPS or CPU,
        the first there is.
    dtype
        In which the model computes: ``float32``, ``float16``, ``bfloat16`` or ``float64``; ``auto``: a module in what
        it is in, other models in float32; ``autocast``: the weights as with ``auto``, products of matrices in bfloat16.
        Pooling is always float32.
    revision
        Branch, tag or commit on the hub.
    trust_remote_code
        Whether code that comes with the model may be run; never unless asked.
    max_length
        Texts are cut after so many tokens; left out, after what the model can take.
    random_init
        A seed: the same architecture with random weights, the untrained twin.
    shuffle_tokens
        A seed: the tokens of every text or protein in random order, a control that keeps words and takes sentences.
    part
        ``vision`` or ``text``, of models that have both; ``encoder`` or ``decoder`` of those that have these; ``both``
        of either, where samples are pairs: a picture and its text, a source and its target.
    loss
        Whether a causal or masked language model is opened with its head, so that it can tell the loss of each text.
    units_axis
        By layer, or pattern of layers, which axis of what it puts out holds the units, counted from 0, where nothing
        tells: ``{"block_*": 2}``, or several of them, ``{"head": (1, 3)}``. Axes that grow with the sample are refused.
    factory
        Where the model is a file of weights, or a folder that holds some: a function without arguments that makes the
        module they are loaded into, or ``"MODULE:FUNCTION"``, imported from the working directory. It may give a pair,
        the module and its make_inputs. Of the file tensors and plain values are read, and no code is run.

    Raises
    ------
    FileProblem
        If the model is not found, or its folder lacks configuration, tokenizer or safetensors weights.
    InvalidValue, InvalidType, UnknownName, MissingExtra
        If an option is not allowed or a library is not installed.
    """
    torch = require("torch", "models")
    of_hub = {
        "revision": revision,
        "max_length": max_length,
        "random_init": random_init,
        "shuffle_tokens": shuffle_tokens,
        "part": part,
        "loss": loss or None,
    }
    check_model(
        model, make_inputs=make_inputs, device=device, dtype=dtype, units_axis=units_axis, factory=factory, **of_hub
    )
    answers = answers_of(units_axis)
    precision = None if dtype in ("auto", AUTOCAST) else getattr(torch, dtype)
    place = _device(device)
    if not isinstance(model, str):
        from layerscape.extraction.modules import open_module

        network = open_module(model, make_inputs, kind, place, precision, answers)
    elif factory is not None:
        from layerscape.extraction.modules import open_made

        network = open_made(model, factory, random_init, make_inputs, kind, place, precision, answers)
    elif _is_demo(model):
        from layerscape.extraction.modules import open_demo

        network = open_demo(model, place or _best_device(), precision or torch.float32, answers)
    else:
        from layerscape.extraction.huggingface import Wish, open_pretrained

        wish = Wish(model, kind, revision, trust_remote_code, max_length, random_init, shuffle_tokens, part, loss)
        network = open_pretrained(wish, place or _best_device(), precision or torch.float32, answers)
    network.autocast = dtype == AUTOCAST
    return network


def check_model(
    model: Any,
    pooling: str | None = None,
    *,
    make_inputs: Any = None,
    device: str = "auto",
    dtype: str = "auto",
    kind: Kind | None = None,
    trust_remote_code: bool = False,
    units_axis: Any = None,
    factory: Any = None,
    **of_hub: Any,
) -> None:
    """Raise at what `open_model` would refuse before it looks at the model, and at an unknown word for a pooling."""
    torch = require("torch", "models")
    if dtype not in DTYPES:
        raise unknown_name("dtype", dtype, DTYPES)
    if pooling is not None:
        Pooling.of(pooling)
    answers_of(units_axis)
    if (part := of_hub.get("part")) is not None and part not in PARTS:
        raise unknown_name("part", part, PARTS)
    if kind is not None and kind not in get_args(Kind):
        raise unknown_name("kind of sample", kind, get_args(Kind))
    made = factory is not None and isinstance(model, str)
    if factory is not None and (not made or _is_demo(model)):
        what = "the demo" if made else f"a {type(model).__name__}"
        raise InvalidValue(f"a factory, which is for files of weights, with {what}; leave it out.")
    if made or not isinstance(model, str) or _is_demo(model):
        for option, given in of_hub.items():
            if given is not None and given is not False and not (made and option == "random_init"):
                raise InvalidValue(f"{option}={given!r} is for models from the hub or a folder; leave it out.")
    if not isinstance(model, (str, torch.nn.Module)):
        raise InvalidType(f"a model of type {type(model).__name__}; give a name, a folder or a torch.nn.Module.")
    if isinstance(model, str) and make_inputs is not None and not made:
        raise InvalidValue(
            f"make_inputs= with the model {model!r}; it is for modules, a model opened by name has its own."
        )
    _device(device)


def _is_demo(model: str) -> bool:
    return model == "demo" or model.startswith("demo@")


def _device(device: str) -> torch.device | None:
    import torch

    if device == "auto":
        return None
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InvalidValue(f"device {device!r} cannot be used here; choose auto, cpu, cuda or mps.") from None
    return chosen


def _best_device() -> torch.device:
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
