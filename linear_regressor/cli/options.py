"""Options that several commands share, and the types of their values."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.serving.settings import DEFAULT_MODEL_PATH
from linear_regressor.training.engine import Engine, LocalEngine

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

# The loss of every iteration is kept in memory.
MOST_ITERATIONS = 100_000_000


class Rate(click.FloatRange):
    """A learning rate: 'auto' or a finite number greater than 0."""

    name = "learning rate"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of an option."""
        return "auto" if str(value).strip() == "auto" else finite(ctx, param, super().convert(value, param, ctx))


class Count(click.IntRange):
    """A number of iterations: 'auto' or an integer of at least 1."""

    name = "integer"

    def __init__(self) -> None:
        super().__init__(1, MOST_ITERATIONS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of an option."""
        return "auto" if str(value).strip() == "auto" else super().convert(value, param, ctx)


class Serial(click.IntRange):
    """Serial number of a row of feedback."""

    name = "serial number, such as 12001"

    def __init__(self) -> None:
        super().__init__(min=1)


class LocalPath(click.Path):
    """A path on this machine; a URL is rejected, since it would become a folder of that name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of an option."""
        if re.match("[a-z][a-z0-9+.-]+:/", str(value)):
            self.fail(f"'{value}' is a URL; this must be a path on this machine.", param, ctx)
        path = super().convert(value, param, ctx)
        if not self.file_okay and os.path.exists(path) and not os.path.isdir(path):  # click rejects only regular files
            self.fail(f"'{value}' is not a folder.", param, ctx)
        return path


class LocalFile(LocalPath):
    """The path of a file on this machine, which need not exist."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert the text of an option."""
        path = super().convert(value, param, ctx)
        if not path.name:
            self.fail(f"'{path}' does not name a file.", param, ctx)
        return path


def finite(context: click.Context | None, option: click.Parameter | None, value: float | None) -> float | None:
    """Reject NaN and infinity, which ``click.FloatRange`` accepts."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"'{value}' is not a finite number.", context, option)
    return value


def split_names(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Split names at commas; a name with a comma, or a blank at its edge, is in double quotes."""
    return tuple(name for row in csv.reader(values, skipinitialspace=True) for name in row or [""])


def split_values(kind: Any) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[Any, ...]]:
    """Make a callback that splits values at commas, converts each, and drops duplicates."""
    def convert(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[Any, ...]:
        texts = split_names(context, option, values)
        return tuple(dict.fromkeys(kind.convert(text, option, context) for text in texts))

    return convert


def _only_one(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Reject an option that is repeated, of which click would silently use the last."""
    if len(values) > 1:
        raise click.BadParameter(f"is given {len(values)} times; a folder or a glob names several files.")
    return values[0] if values else None


model_path = click.option("--model-path", type=click.Path(path_type=Path), default=DEFAULT_MODEL_PATH,
                          show_default=True, help="Model file to read, or a folder of models, whose champion is read.")
features = click.option("--features", metavar="NAME[,NAME...]", multiple=True, required=True, callback=split_names,
                        help="Columns to predict from, separated by commas or by repeating the option.")
where = click.option("--where", metavar="FILTER", show_default="all",
                     help="Rows of the data set to use, such as 'age > 30 and sex == \"f\"'.")
engine = click.option("--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True,
                      help="Read the data set in this process or on Dask workers, those of a local cluster unless "
                           "--scheduler is given. The result is the same.")
scheduler = click.option("--scheduler", metavar="ADDRESS", show_default="a local cluster",
                         help="Scheduler of the Dask cluster to use, such as tcp://10.0.0.5:8786.")
random_state = click.option("--random-state", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
                            help="Seed of the start weights and of the order of the rows.")


def schema(use: str) -> Decorator:
    """Make the option that names a schema."""
    return click.option("--schema", metavar="FILE", type=LocalFile(), show_default="none",
                        help=f"Schema of the rows, a YAML file that 'verify --learn' writes: {use}")


def standardize(default: bool | None = True, show_default: str | bool = True) -> Decorator:
    """Make the option that chooses the coordinates of the descent."""
    return click.option("--standardize/--no-standardize", default=default, show_default=show_default,
                        help="Descend in coordinates in which every feature has mean 0 and standard deviation 1; "
                             "weights are still in the units of the data.")


def data(required: bool = False) -> Decorator:
    """Make the option that names a data set."""
    return click.option("--data", metavar="PATH|GLOB|URL", required=required, show_default=not required and "none",
                        multiple=True, callback=_only_one,
                        help="Data set: a file, a folder, a glob, gs://bucket/path or s3://bucket/path of CSV, "
                             "Parquet, Feather or NDJSON, any number of files.")


def target(required: bool = False) -> Decorator:
    """Make the option that names the target of a data set."""
    return click.option("--target", metavar="NAME", required=required, show_default=not required and "none",
                        help="Column of the data set to predict.")


def key(use: str) -> Decorator:
    """Make the option that names the key column of a data set."""
    return click.option("--key", metavar="NAME", show_default="the values of the row",
                        help=f"Column of integers or text whose hash decides {use}.")


def store(required: bool = False) -> Decorator:
    """Make the option that names a feedback store; its value is a ``StoreLocation``."""
    return click.option("--store", metavar="URL", required=required, callback=_parse_store, envvar="STORE",
                        show_envvar=True, show_default=not required and "none",
                        help="Feedback store: sqlite:///relative.db, sqlite:////absolute.db or "
                             "postgresql://user@host/database. Put a URL with a password into STORE: other users can "
                             "see options.")


def _parse_store(context: click.Context, option: click.Parameter, text: str | None) -> StoreLocation | None:
    """Parse the URL, which no message repeats: it may have a password."""
    try:
        return StoreLocation.parse(text) if text else None
    except ValueError as error:
        raise click.BadParameter(f"must be {error}.") from None


def require_data(context: click.Context, data: str | None, names: Sequence[str]) -> None:
    """Reject options that need a data set if none is given."""
    given = [name for name in names if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    if data is None and given:
        raise click.UsageError(f"--{given[0].replace('_', '-')} needs --data.", context)


def require_dask(scheduler: str | None, engine: str) -> None:
    """Reject the address of a scheduler without Dask, or an empty one."""
    if scheduler is not None and engine == "local":
        raise click.UsageError("--scheduler needs --engine dask.")
    if scheduler is not None and not scheduler.strip():
        raise click.UsageError("--scheduler must be an address, such as tcp://10.0.0.5:8786, not empty.")


@contextmanager
def open_engine(name: str, scheduler: str | None) -> Iterator[Engine]:
    """Start the engine of this name, and stop it at the end."""
    require_dask(scheduler, name)
    if name == "local":
        yield LocalEngine()
        return
    from linear_regressor.training.dask_engine import DaskEngine  # an extra of its own, and slow to import

    with DaskEngine(scheduler) as engine:
        yield engine
