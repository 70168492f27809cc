"""Wishes: what the user asked of a model by name or folder, and what is said where it cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from layerscape.core.samples import Kind
from layerscape.errors import FileProblem, InvalidValue, LayerscapeError
from layerscape.extraction.weights import read_file

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.*", "*.model", "*.tiktoken")
_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class Wish:
    """What the user asked of `open_model`; see there."""

    model: str
    kind: Kind | None
    revision: str | None
    trust_remote_code: bool
    max_length: int | None
    random_init: int | None
    shuffle_tokens: int | None = None
    part: str | None = None
    loss: bool = False
    tokenizer: Path | None = None  # the folder of an adapter that has one of its own
    unreached: str | None = None  # why only what was fetched before can be had

    @property
    def folder(self) -> Path | None:
        """The local folder, if it is one."""
        path = Path(self.model).expanduser()
        return path if path.is_dir() else None

    @property
    def pickled(self) -> bool:
        """Whether it is a local folder that has weights, and none of them in safetensors."""
        folder = self.folder
        return folder is not None and not any(folder.glob("*.safetensors")) and any(folder.glob("*.bin"))

    @property
    def source(self) -> dict[str, Any]:
        """What every loader of transformers is told."""
        name = str(self.folder or self.model)
        return {
            "pretrained_model_name_or_path": name,
            "revision": self.revision,
            "trust_remote_code": self.trust_remote_code,
            "local_files_only": self.unreached is not None,
        }


def check_place(wish: Wish) -> None:
    """What a local folder must hold, before anything is loaded."""
    folder = wish.folder
    if folder is None:
        path = Path(wish.model).expanduser()
        if path.is_file():
            raise FileProblem(
                f"model {wish.model!r} is a file; give the folder of a model, which holds config.json, "
                "or of weights alone the function that makes their network, by factory (--factory MODULE:FUNCTION)."
            )
        if wish.model.startswith((".", "/", "~")) or wish.model.count("/") > 1 or "\\" in wish.model:
            raise FileProblem(f"no model folder {wish.model!r}{_nearest(wish.model)}; give a folder with config.json.")
        return
    if not (folder / "config.json").is_file():
        remedy = "give a folder made by save_pretrained of a transformers model"
        if inside := _models_in(folder):
            remedy = f"give one of the models in it: {', '.join(map(str, inside))}"
        raise FileProblem(f"folder {wish.model!r} has no config.json; {remedy}.")
    if wish.random_init is None and not any(folder.glob("*.safetensors")) and not wish.pickled:
        raise FileProblem(
            f"folder {wish.model!r} has no weights, neither *.safetensors nor *.bin; save the model there with "
            "save_pretrained, or ask for random weights."
        )
    for file in () if wish.random_init is not None else sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin")]):
        if _is_pointer(file):
            raise FileProblem(
                f"{str(file)!r} is a pointer of Git LFS, and the weights are not fetched; run git lfs pull there."
            )


def _is_pointer(file: Path) -> bool:
    """Whether a file of weights is what Git LFS puts in its place; one that cannot be read is told of when it is."""
    if not file.is_file():  # a pipe would be waited for
        return False
    with suppress(OSError), file.open("rb") as opened:
        return opened.read(len(_POINTER)) == _POINTER
    return False


def must_hold(wish: Wish, patterns: tuple[str, ...], what: str) -> None:
    """Raise if a local folder has no file of any of these names."""
    if wish.folder is not None and not any(any(wish.folder.glob(pattern)) for pattern in patterns):
        raise FileProblem(
            f"folder {wish.model!r} has no {what} (none of {', '.join(patterns)}); save it there with save_pretrained."
        )


def _nearest(model: str) -> str:
    path = Path(model).expanduser()
    if not path.parent.is_dir():
        return ""
    near = get_close_matches(path.name, [other.name for other in path.parent.iterdir() if other.is_dir()], n=3)
    return f"; nearest: {', '.join(str(path.parent / name) for name in near)}" if near else ""


@contextmanager
def explained(wish: Wish) -> Iterator[None]:
    """What transformers raises when a model cannot be had, in one line."""
    try:
        yield
    except LayerscapeError:
        raise
    except SafetensorError as error:
        raise FileProblem(f"the weights of {wish.model!r} are damaged ({error}); fetch or save them again.") from None
    except OSError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if wish.unreached:
            raise FileProblem(
                f"model {wish.model!r} is no local folder{_nearest(wish.model)}, was not fetched before, and the hub "
                f"cannot be reached ({wish.unreached}); check the name and the network."
            ) from None
        raise FileProblem(
            f"model {wish.model!r} is no local folder{_nearest(wish.model)}, and the hub did not give it ({reason}) "
            "Check the name and the network; what was fetched once opens offline with HF_HUB_OFFLINE=1."
            if wish.folder is None
            else f"model folder {wish.model!r} cannot be read ({reason}); save it again with save_pretrained."
        ) from None
    except Exception as error:  # a strange configuration may lead to any of them
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if "weights_only" in str(error):  # whose own advice is to run what is in the file
            raise FileProblem(
                f"the weights of {wish.model!r} (.bin) are damaged, or hold more than tensors, which is never loaded; "
                "fetch them again, or save them as safetensors where you trust them."
            ) from None
        if "trust_remote_code" in str(error):
            raise InvalidValue(
                f"model {wish.model!r} comes with code of its own, which is not run unless you ask for it; "
                "read that code, then give --trust-remote-code."
            ) from None
        for path in sorted(wish.folder.glob("*.bin")) if wish.folder is not None else ():
            read_file(path)  # which says so where it is that
        raise InvalidValue(f"model {wish.model!r} cannot be opened: {reason}") from None


def _models_in(folder: Path) -> list[Path]:
    """Folders in it that hold a model or an adapter, as checkpoints of a training do; those of late steps last."""
    said = {file.parent for name in ("config.json", "adapter_config.json") for file in folder.glob(f"*/{name}")}
    held = [each for each in said if any(each.glob("*.safetensors")) or any(each.glob("*.bin"))]
    return sorted(held, key=lambda each: (len(each.name), each.name))
