"""Networks from weights alone: a function of the user makes the module, and the weights are loaded into it."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from layerscape.core.words import firsts, listed
from layerscape.errors import FileProblem, InvalidType, InvalidValue, LayerscapeError
from layerscape.extraction.weights import INDEX, WEIGHTS, of_index, read_file

State = dict[str, torch.Tensor]
Factory = Callable[[], Any] | str
PICKLED = "pytorch_model.bin"
_COMPILED = "_orig_mod."  # what torch.compile puts into names


def made_module(factory: Factory, path: str, seed: int | None) -> tuple[torch.nn.Module, Any]:
    """The module that a factory makes, with the weights of a file or a folder, and what makes its inputs, or None.

    With a seed its weights are those that the factory gave it after `torch.manual_seed`.

    Raises
    ------
    LayerscapeError
        If there is no such factory, it makes no module, or the weights are those of another network.
    """
    name, make = _found(factory)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed or 0)
        try:
            made = make()
        except Exception as error:  # of the user's own code
            reason = " ".join(str(error).split())[:200]
            raise InvalidValue(f"the factory {name} raised {type(error).__name__}: {reason}") from error
    module, make_inputs = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(module, torch.nn.Module) or not (make_inputs is None or callable(make_inputs)):
        raise InvalidType(
            f"the factory {name} gives a {type(made).__name__}; let it give a torch.nn.Module, or a pair of that and a "
            "function from a list of samples to its inputs."
        )
    if seed is None:
        _load(module, _weights(path), path, name)
    return module, make_inputs


def factory_name(factory: Factory) -> str:
    """How it is called."""
    if isinstance(factory, str):
        return factory
    return f"{factory.__module__}:{getattr(factory, '__qualname__', type(factory).__name__)}"


def _found(factory: Factory) -> tuple[str, Callable[[], Any]]:
    """Its name, and what is called."""
    if not isinstance(factory, str):
        if not callable(factory):
            raise InvalidType(f"factory of type {type(factory).__name__}; give a function, or 'MODULE:FUNCTION'.")
        return factory_name(factory), factory
    home, _, name = factory.partition(":")
    if not name or home.endswith(".py") or not all(part.isidentifier() for part in f"{home}.{name}".split(".")):
        raise InvalidValue(f"factory {factory!r}; give MODULE:FUNCTION, as networks:make for make in networks.py.")
    place = str(Path.cwd())
    sys.path.insert(0, place)
    try:
        found: Any = importlib.import_module(home)
    except Exception as error:  # of the user's own code
        reason = " ".join(str(error).split())[:200]
        raise InvalidValue(
            f"factory {factory!r}: {home} cannot be imported from {place} ({type(error).__name__}: {reason})."
        ) from error
    finally:
        sys.path.remove(place)
    for part in name.split("."):
        if not hasattr(found, part):
            raise InvalidValue(f"factory {factory!r}: {home} has no {name!r}.")
        found = getattr(found, part)
    if not callable(found):
        raise InvalidType(f"factory {factory!r} is a {type(found).__name__}; give a function that makes the network.")
    return factory, found


def _weights(path: str) -> Any:
    """What a file holds, or the weights in a folder of a trainer."""
    place = Path(path).expanduser()
    if not place.exists():
        raise FileProblem(f"weights {path!r} do not exist; give a file of weights, or a folder that holds some.")
    if not place.is_dir():
        return read_file(place)
    if (place / INDEX).is_file():
        shards = sorted(set(of_index(path, place).values()))
        return {name: each for shard in shards for name, each in read_file(place / shard).items()}
    file = next((place / name for name in (WEIGHTS, PICKLED) if (place / name).is_file()), None)
    if file is None:
        raise FileProblem(f"folder {path!r} holds neither {WEIGHTS} nor {PICKLED}; give the file of the weights.")
    return read_file(file)


def _load(module: torch.nn.Module, found: Any, path: str, name: str) -> None:
    """Put the weights into the module, all of it and nothing else."""
    wanted = module.state_dict()
    fitting = {}
    for where, state in _states(found, path).items():
        starts = [start for start in _starts(state, wanted) if all(start + own in state for own in wanted)]
        fitting |= {(where, start): state for start in starts}
    if len(fitting) > 1:
        named = [repr(f"{where}/{start}".strip("/.")) for where, start in fitting]
        raise InvalidValue(
            f"{path!r} holds {len(fitting)} sets of weights that fit {name}: {listed(named)}; save the one that is "
            "meant by itself."
        )
    if not fitting:
        raise _other(next(iter(_states(found, path).values())), wanted, path, name)
    ((_, start), state), *_ = fitting.items()
    own = {key.removeprefix(start): tensor for key, tensor in state.items() if key.startswith(start)}
    if more := own.keys() - wanted.keys():
        raise InvalidValue(
            f"{path!r} has {firsts(sorted(more))}, which the network of {name} has not: it is of another architecture."
        )
    if left := [key for key in state if not key.startswith(start)]:
        warnings.warn(
            f"{len(left)} weights of {path!r} are not used, those outside {start!r}: {firsts(left)}", stacklevel=2
        )
    for key, tensor in own.items():
        if not is_lazy(wanted[key]) and tensor.shape != wanted[key].shape:
            raise InvalidValue(
                f"{path!r} has {key!r} of shape {tuple(tensor.shape)}, and the network of {name} of "
                f"{tuple(wanted[key].shape)}: it is of another architecture."
            )
    try:
        module.load_state_dict(own)
    except RuntimeError as error:  # what a module of its own may demand
        raise InvalidValue(f"{path!r} does not fit {name}: {' '.join(str(error).split())[:200]}") from None


def _states(found: Any, path: str) -> dict[str, State]:
    """What may be the weights of a network in a file, by where they are; ``""`` where the file holds nothing else."""
    if _is_state(found):
        return {"": _plain(found)}
    parts = found.items() if isinstance(found, Mapping) else ()
    states = {str(where): _plain(part) for where, part in parts if _is_state(part)}
    if not states:
        raise FileProblem(f"{path!r} holds no weights by name; save the state_dict of the network.")
    return states


def _is_state(part: Any) -> bool:
    return isinstance(part, Mapping) and bool(part) and all(isinstance(each, torch.Tensor) for each in part.values())


def _plain(state: Mapping[Any, torch.Tensor]) -> State:
    return {str(name).replace(_COMPILED, ""): tensor for name, tensor in state.items()}


def _starts(state: State, wanted: Mapping[str, Any]) -> list[str]:
    """What may stand before the names of the module: of a part of what was trained, as ``model.`` of Lightning."""
    first = next(iter(wanted), None)
    if first is None:
        return []
    return [key.removesuffix(first) for key in state if key == first or key.endswith(f".{first}")]


def _other(state: State, wanted: Mapping[str, Any], path: str, name: str) -> LayerscapeError:
    """Why no weights fit."""
    if not wanted:
        return InvalidValue(f"the network of {name} has no weights, and {path!r} holds some.")
    counts = {
        start: sum(start + own in state for own in wanted) for own in wanted for start in _starts(state, {own: 0})
    }
    start = max(counts, key=counts.__getitem__, default="")
    lacking = [own for own in wanted if start + own not in state]
    return InvalidValue(
        f"{path!r} lacks {firsts(lacking)} of the {len(wanted)} weights of the network that {name} makes: it is of "
        "another architecture."
    )
