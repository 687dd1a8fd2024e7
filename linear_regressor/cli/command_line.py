"""``CommandLine``: the edge at which every error becomes one line and an exit code."""

from __future__ import annotations

import logging
import logging.config
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.resources import files
from types import FrameType
from typing import Any, NoReturn

import click

from linear_regressor.errors import LinearRegressorError

logger = logging.getLogger(__name__)

INTERRUPTED, TERMINATED = 130, 143  # 128 + SIGINT or SIGTERM, as a shell has it

EXTRAS = {"sklearn": "training", "scipy": "training", "joblib": "training", "pyarrow": "training",
          "tqdm": "training", "matplotlib": "plots", "dask": "dask", "distributed": "dask"}


class CommandLine(click.Group):
    """A group of commands that never shows a traceback.

    A command is imported when it is asked for: a server starts without the options of all the others.
    """

    def __init__(self, *arguments: Any, names: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._names = tuple(names)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        return [*self._names, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a command."""
        if cmd_name not in self._names:
            return super().get_command(ctx, cmd_name)
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"linear_regressor.cli.{name}"), name)
        return command

    def main(self, *arguments: Any, **options: Any) -> NoReturn:
        """Run a command and end the process with its exit code."""
        try:
            with _ended_in_order():
                exit_code = super().main(*arguments, **{**options, "standalone_mode": False})
        except click.Abort:
            exit_code = INTERRUPTED
        except (click.ClickException, LinearRegressorError) as error:
            click.echo(f"Error: {describe(error)}", err=True)
            exit_code = error.exit_code
        except Exception as error:  # the one place that may: nobody is left to handle it
            logger.debug("unexpected error", exc_info=True)
            click.echo(f"Error: {describe(error)}", err=True)
            exit_code = 1
        _let_go_of_stdout()
        sys.exit(exit_code or 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Set up logging as ``logging_config.ini`` has it, then run the command."""
        logging.config.fileConfig(str(files("linear_regressor") / "logging_config.ini"),
                                  disable_existing_loggers=False)
        return super().invoke(ctx)


def describe(error: Exception) -> str:
    """Say in one line what went wrong and, where it is known, what helps."""
    if isinstance(error, click.ClickException):
        text = error.format_message() + _hint(error)
    elif isinstance(error, LinearRegressorError):
        text = str(error)
    elif isinstance(error, ModuleNotFoundError) and (extra := EXTRAS.get(package := str(error.name).partition(".")[0])):
        text = (f"{package} is not installed; it comes with the extra '{extra}': "
                f"pip install '.[{extra}]' in a checkout")
    elif isinstance(error, MemoryError):
        text = f"not enough memory: {error}"
    elif isinstance(error, OSError):
        reason = error.strerror or str(error)
        text = f"{error.filename}: {reason}" if error.filename else reason
    else:
        text = (f"unexpected {type(error).__name__}: {error} "
                f"(level DEBUG of logger {logger.name} in logging_config.ini shows where)")
    return " ".join(text.split())


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let SIGTERM end a command as an interrupt does, with nothing half-written left; a server has a way of its own."""
    def end(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():  # no place for signals
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _hint(error: click.ClickException) -> str:
    """Name the help page that explains how a command is used."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f" (see '{context.command_path} --help')" if context else ""


def _let_go_of_stdout() -> None:
    """Keep the interpreter from trying again, at its end, what a full disk or a closed pipe did not take."""
    if sys.stdout is None:  # closed before the start
        return
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
