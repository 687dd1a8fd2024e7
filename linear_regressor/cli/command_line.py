"""``CommandLine``: a click group that turns every error into one line and an exit code."""

from __future__ import annotations

import logging.config
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.resources import files
from types import FrameType
from typing import Any, NoReturn

import click

from linear_regressor.cli.terminal import escape_terminals
from linear_regressor.errors import LinearRegressorError

HUNG_UP, INTERRUPTED, TERMINATED = 129, 130, 143  # what shells report: 128 + SIGHUP, SIGINT, SIGTERM

# The extra of this package that a library comes with.
EXTRAS = {"sklearn": "training", "scipy": "training", "pyarrow": "training", "yaml": "training",
          "duckdb": "training", "tqdm": "training", "matplotlib": "plots", "dask": "dask", "distributed": "dask",
          "alembic": "store", "sqlalchemy": "store", "psycopg": "postgresql", "obstore": "buckets",
          "mlflow": "tracking", "pandas": "tracking"}


class CommandLine(click.Group):
    """A group whose errors are one line; commands named in ``on_demand``, with a short help, are imported when run."""

    def __init__(self, *arguments: Any, on_demand: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._on_demand = dict(on_demand or {})
        self.params.append(click.Option(["--traceback"], is_flag=True, help="Print the traceback of an error, too."))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return [*self._on_demand, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None if there is none of that name."""
        if cmd_name not in self._on_demand:
            return super().get_command(ctx, cmd_name)
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"linear_regressor.cli.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        if not self._on_demand:
            super().format_commands(ctx, formatter)
            return
        with formatter.section("Commands"):
            formatter.write_dl(list(self._on_demand.items()))

    def main(self, *arguments: Any, **options: Any) -> NoReturn:
        """Run a command and exit with its exit code."""
        escape_terminals()
        try:
            with _exit_at_signals():
                exit_code = super().main(*arguments, **{**options, "standalone_mode": False})
        except click.Abort:
            exit_code = INTERRUPTED
        except Exception as error:  # the outermost handler: nothing else would turn it into one line
            click.echo(f"Error: {describe(error)}", err=True)
            exit_code = error.exit_code if isinstance(error, click.ClickException | LinearRegressorError) else 1
        finally:  # also when gunicorn or a signal exits
            _flush_stdout()
        sys.exit(exit_code or 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Configure logging by ``logging_config.ini``, then run the command."""
        show_traceback = ctx.params.pop("traceback")
        logging.config.fileConfig(str(files("linear_regressor") / "logging_config.ini"),
                                  disable_existing_loggers=False)
        try:
            return super().invoke(ctx)
        except (click.Abort, click.exceptions.Exit):
            raise
        except Exception:
            if show_traceback:
                click.echo(traceback.format_exc(), err=True, nl=False)
            raise


def describe(error: Exception) -> str:
    """Describe an error in one line, with what helps if that is known."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        text = f"{error.format_message()} (see '{error.ctx.command_path} --help')"
    elif isinstance(error, click.ClickException):
        text = error.format_message()
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
        # PyArrow's messages quote values of the data.
        reason = "" if type(error).__module__.startswith("pyarrow") else f": {error}"
        text = f"unexpected {type(error).__name__}{reason} (--traceback before the command shows where)"
    return " ".join(text.split())


@contextmanager
def _exit_at_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind a command, as an interrupt does, so that no temporary file stays.

    The server replaces this. A signal that is ignored, as SIGHUP is under nohup, stays so.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return
    exit_codes = {signal.SIGHUP: HUNG_UP, signal.SIGTERM: TERMINATED}
    before = {number: signal.getsignal(number) for number in exit_codes}
    handled = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def terminate(number: int, frame: FrameType | None) -> NoReturn:
        for each in handled:  # a second one must not interrupt the removal of temporary files
            signal.signal(each, signal.SIG_IGN)
        sys.exit(exit_codes[signal.Signals(number)])

    for number in handled:
        signal.signal(number, terminate)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


def _flush_stdout() -> None:
    """Flush, or discard what a full disk or a closed pipe rejects: the interpreter would fail on it again at exit."""
    if sys.stdout is None:  # the process was started without one
        return
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), sys.stdout.fileno())
