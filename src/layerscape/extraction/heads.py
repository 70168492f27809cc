"""Heads: from what a network puts out to the vector that it is deployed with, in float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from layerscape.core.provenance import fingerprint
from layerscape.errors import FileProblem
from layerscape.extraction.deployed import Deployment
from layerscape.extraction.hooks import bytes_of
from layerscape.extraction.pooling import Tokens, pool
from layerscape.extraction.weights import read_weights

Step = Callable[[torch.Tensor, Tokens | None], torch.Tensor]
FILES = ("model.safetensors", "pytorch_model.bin")
_ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "SiLU", "Sigmoid", "LeakyReLU", "ELU", "SELU", "Softplus", "Mish")


@dataclass(frozen=True)
class Head:
    """What becomes of the output of a module to be what the model is deployed with.

    Attributes
    ----------
    words
        What that is, for whoever reads a run.
    module
        The path of the module; empty for the network itself, whose output is its last hidden state.
    steps
        Functions of a float tensor and the tokens, one after the other; the first gets what the module puts out.
    default
        Whether it is among the layers where none are chosen.
    digest
        Of the weights of the steps, which are not among those of the network.
    """

    words: str
    module: str = ""
    steps: tuple[Step, ...] = ()
    default: bool = True
    digest: str = ""

    def __call__(self, hidden: torch.Tensor, tokens: Tokens | None) -> torch.Tensor:
        """One float32 vector per sample, shape (B, D); never a view."""
        for step in self.steps:
            hidden = step(hidden, tokens)
        return hidden.reshape(len(hidden), -1).to(torch.float32, copy=not self.steps)


@dataclass
class _Built:
    """The steps so far, and what they are."""

    steps: list[Step] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    weights: list[torch.Tensor] = field(default_factory=list)


def head_of(deployment: Deployment, path_of: Callable[[str], Path | None], n_prompt: int) -> Head | str:
    """The head of a folder of sentence-transformers; or why there is none, in words.

    Parameters
    ----------
    deployment
        What the folder says.
    path_of
        From the name of a file of the model to where it is; None where there is none.
    n_prompt
        How many tokens at the start of every text are those of the prompt.

    Raises
    ------
    FileProblem
        If weights are missing, or are not those that the folder says.
    """
    if deployment.why_not:
        return deployment.why_not
    left_out = n_prompt if deployment.leaves_out_prompt else 0
    if left_out and any("weighted" in config.get("poolings", ()) for _, _, config in deployment.modules):
        return "leaves its prompt out of a weighted mean"
    built = _Built()
    for kind, folder, config in deployment.modules:
        if kind == "Pooling":
            _add_pooling(built, config["poolings"], left_out)
        elif kind == "Normalize":
            built.steps.append(lambda x, _: functional.normalize(x, dim=1))
            built.words.append("length 1")
        elif kind in ("Dense", "LayerNorm"):
            name, found = next(((name, at) for name in FILES if (at := path_of(f"{folder}/{name}"))), ("", None))
            if found is None:
                raise FileProblem(f"{folder!r} has none of {', '.join(FILES)}, which {kind} needs; fetch it again.")
            weights = read_weights(found)
            why_not = (_add_dense if kind == "Dense" else _add_norm)(built, config, weights, f"{folder}/{name}")
            if why_not:
                return why_not
    digest = fingerprint(map(bytes_of, built.weights)) if built.weights else ""
    return Head(", ".join(built.words), steps=tuple(built.steps), digest=digest)


def _add_pooling(built: _Built, poolings: tuple[str, ...], left_out: int) -> None:
    def pooled(hidden: torch.Tensor, tokens: Tokens | None) -> torch.Tensor:
        tokens = tokens or Tokens.after(0, hidden)
        read = tokens.real & (tokens.real.cumsum(1) > left_out)
        asked = replace(tokens, real=read, content=read)
        return torch.cat([_pool(hidden, name, asked, tokens) for name in poolings], dim=1)

    built.steps.append(pooled)
    over = "all real tokens but the prompt" if left_out else "all real tokens"
    built.words.append(f"{' and '.join(poolings)} over {over}")


def _pool(hidden: torch.Tensor, name: str, read: Tokens, tokens: Tokens) -> torch.Tensor:
    if name == "cls":
        return pool(hidden, "cls", tokens)
    if name == "mean_sqrt_len":
        return pool(hidden, "mean", read) * read.real.sum(1, keepdim=True).sqrt()
    return pool(hidden, name, read)


def _add_dense(built: _Built, config: Mapping[str, Any], weights: Mapping[str, torch.Tensor], file: str) -> str:
    """Adds a linear layer and its activation; returns why not, if it cannot."""
    named = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    if not named.startswith("torch.nn.") or (kind := named.rsplit(".", 1)[-1]) not in _ACTIVATIONS:
        return f"has a Dense module with the activation {named!r}"
    asked = {config.get(name) for name in ("module_input_name", "module_output_name")}
    if config.get("use_residual") or not asked <= {None, "sentence_embedding"}:
        return "has a Dense module beside the embedding"
    weight, bias = (weights.get(f"linear.{name}") for name in ("weight", "bias"))
    shape = (config.get("out_features"), config.get("in_features"))
    if weight is None or weight.shape != shape or (bias is None) == bool(config.get("bias", True)):
        raise FileProblem(f"{file} is not the linear layer that its config.json describes; fetch the model again.")
    activation = getattr(torch.nn, kind)()
    bias = torch.zeros(len(weight)) if bias is None else bias
    built.steps.append(lambda x, _: activation(functional.linear(x, _on(x, weight), _on(x, bias))))
    built.words.append(f"a linear layer to {weight.shape[0]} units, {kind}")
    built.weights += [weight, bias]
    return ""


def _add_norm(built: _Built, config: Mapping[str, Any], weights: Mapping[str, torch.Tensor], file: str) -> str:
    weight, bias = (weights.get(f"norm.{name}") for name in ("weight", "bias"))
    if weight is None or bias is None or weight.shape != (config.get("dimension"),):
        raise FileProblem(f"{file} is not the norm that its config.json describes; fetch the model again.")
    normed = partial(functional.layer_norm, normalized_shape=tuple(weight.shape))
    built.steps.append(lambda x, _: normed(x, weight=_on(x, weight), bias=_on(x, bias)))
    built.words.append("a layer norm")
    built.weights += [weight, bias]
    return ""


def _on(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Where a tensor is, in float32."""
    return weight.to(x.device, torch.float32)
