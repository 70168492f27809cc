"""The command line: one command per stage, and `run`, which does them all; each loads only what it needs."""

from __future__ import annotations

import contextlib
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator

import click

from layerscape.errors import LayerscapeError

HOMES = {
    "demo": "demo",
    "run": "run",
    "layers": "stages",
    "extract": "stages",
    "vectors": "vectors",
    "plan": "plan",
    "search": "stages",
    "measure": "stages",
    "report": "stages",
    "check": "check",
    "labels": "labels",
    "series": "series",
    "compare": "compare",
    "against": "against",
    "ablate": "ablate",
    "differences": "questions",
    "recommend": "questions",
    "estimate": "estimate",
    "dimension": "estimate",
    "list": "listing",
}


class Lazy(click.Group):
    """A group whose commands are imported when they are called, and described without being imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in HOMES:
            return None
        from importlib import import_module

        module = import_module(f"layerscape.cli.{HOMES[cmd_name]}")
        return getattr(module, f"{cmd_name}_command")


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="layerscape", message="layerscape %(version)s")
def cli() -> None:
    """Point it at a model and some data; see the shape of every layer.

    \b
    Example:
      layerscape run facebook/dinov2-small photos/ --out runs/dino
    """


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit status is 0 when done, 2 when the user can mend it, and anything else is a bug."""
    try:
        with _ended_alike(), warnings.catch_warnings():
            warnings.showwarning = _noting()
            cli.main(args=arguments, prog_name="layerscape", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.UsageError as error:
        where = f" See: {error.ctx.command_path} --help" if error.ctx else ""
        return _fail(error.format_message() + where)
    except click.ClickException as error:
        return _fail(error.format_message())
    except (KeyboardInterrupt, click.Abort) as error:
        _leave(error)
        return _fail("interrupted; the same command goes on where it stopped")
    except LayerscapeError as error:
        return _fail(str(error))
    except MemoryError as error:
        why = f" ({error})" if str(error) else ""
        return _fail(f"this needs more memory than there is{why}; give fewer samples or layers, or end other programs")
    return 0


@contextlib.contextmanager
def _ended_alike() -> Iterator[None]:
    """SIGTERM, by which schedulers end a job, ends it as Ctrl-C does, unless somebody else waits for it."""
    ours = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    try:
        if ours:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not in the main thread, which is the only one that signals reach
        ours = False
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(error: BaseException) -> None:
    """Let go of what was being done; that a library's call was never carried out is no news then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in (error, error.__cause__):
            if each is not None:
                traceback.clear_frames(each.__traceback__)
                each.__traceback__ = None


def _noting() -> Callable[..., None]:
    """Says a warning as a sentence, and the same sentence once in a command."""
    said = set()

    def note_once(message: Warning | str, *_: object, **__: object) -> None:
        from layerscape.cli.show import note

        if str(message) not in said:
            said.add(str(message))
            note(str(message))

    return note_once


def _fail(message: str) -> int:
    with contextlib.suppress(OSError):  # it may go to a file on a disk that is full
        click.echo(f"error: {' '.join(message.split())}", err=True)
    return 2
