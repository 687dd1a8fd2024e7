"""Options that several commands share."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from linear_regressor.serving.settings import DEFAULT_MODEL_PATH

if TYPE_CHECKING:
    from linear_regressor.training.engine import Engine

# Every loss on the way is kept: more of them than this fill a machine.
MOST_ITERATIONS = 100_000_000


def as_features(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Take names apart that are separated by commas; one with a comma or a blank at its edge stands in double quotes."""
    return tuple(name for row in csv.reader(values, skipinitialspace=True) for name in row or [""])


def as_rate(context: click.Context, option: click.Parameter, value: str) -> float | str:
    """Take a learning rate: 'auto' or a finite number greater than 0."""
    if value.strip() == "auto":
        return "auto"
    rate = as_finite(context, option, value)
    if rate <= 0:
        raise click.BadParameter(f"{value!r} must be greater than 0, or 'auto'.")
    return rate


def as_rates(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[float | str, ...]:
    """Take learning rates apart that are separated by commas."""
    return tuple(dict.fromkeys(as_rate(context, option, value) for value in as_features(context, option, values)))


def as_counts(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[int, ...]:
    """Take numbers of iterations apart that are separated by commas."""
    whole: Any = click.IntRange(1, MOST_ITERATIONS)  # its type says that it converts whole numbers, not text
    return tuple(dict.fromkeys(whole.convert(value, option, context) for value in as_features(context, option, values)))


def as_size(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """Take a finite number of at least 0."""
    if value is None:
        return None
    size = as_finite(context, option, value)
    if size < 0:
        raise click.BadParameter(f"{value!r} must be at least 0.")
    return size


def as_finite(context: click.Context, option: click.Parameter, value: str) -> float:
    """Take a finite number."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise click.BadParameter(f"{value!r} is not a finite number.")
    return number


def as_file(context: click.Context, option: click.Parameter, value: Path) -> Path:
    """Take a path that can name a file."""
    if not value.name:
        raise click.BadParameter(f"'{value}' does not name a file.")
    as_local(context, option, value)
    return value


def as_local(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
    """Take a path of this machine: a URL would be a folder of that name, and what is written there soon be lost."""
    if value is not None and re.match("[a-z][a-z0-9+.-]+:/", str(value)):
        raise click.BadParameter(f"'{value}' is a URL; what can be written here is a file of this machine.")
    return value


def as_location(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Take where a data set is, which may be told once."""
    if len(values) > 1:
        raise click.BadParameter(f"is given {len(values)} times; a folder or a glob names several files.")
    return values[0] if values else None


def as_share(context: click.Context, option: click.Parameter, value: float) -> float:
    """Take a share that click has found in its range, which to click NaN is."""
    if math.isnan(value):
        raise click.BadParameter("nan is not in the range 0<x<1.")
    return value


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def model_path(text: str) -> Decorator:
    """Make the option that names the model file to read."""
    return click.option("--model-path", type=click.Path(path_type=Path), default=DEFAULT_MODEL_PATH,
                        show_default=True, help=text)


def data(required: bool) -> Decorator:
    """Make the option that names a data set."""
    return click.option("--data", metavar="PATH|GLOB|URL", required=required, show_default=not required and "none",
                        multiple=True, callback=as_location,
                        help="Data set: a file, a folder, a glob, gs://bucket/path or s3://bucket/path of CSV, "
                             "Parquet, Feather or NDJSON, any number of files.")


def target(required: bool) -> Decorator:
    """Make the option that names the target of a data set."""
    return click.option("--target", metavar="NAME", required=required, show_default=not required and "none",
                        help="Column of the data set to predict.")


def where() -> Decorator:
    """Make the option that filters the rows of a data set."""
    return click.option("--where", metavar="FILTER", show_default="all",
                        help="Rows of the data set to take, such as 'age > 30 and sex == \"f\"'.")


def key(use: str) -> Decorator:
    """Make the option that names the key of a data set."""
    return click.option("--key", metavar="NAME", show_default="the values of the row",
                        help=f"Column of whole numbers or text whose hash decides {use}.")


def require_data_for(context: click.Context, data: str | None, names: Sequence[str]) -> None:
    """Refuse options that are about a data set where none is given."""
    given = [name for name in names if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    if data is None and given:
        raise click.UsageError(f"--{given[0].replace('_', '-')} needs --data.", context)


def engine(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options --engine and --scheduler."""
    choice = click.option("--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True,
                          help="Who reads the data set: this process, or workers of Dask, a local cluster unless "
                               "--scheduler names another. The result is the same.")
    address = click.option("--scheduler", metavar="ADDRESS", show_default="a local cluster",
                           help="Scheduler of the Dask cluster to use, such as tcp://10.0.0.5:8786.")
    return choice(address(command))


def require_dask_for(scheduler: str | None, name: str) -> None:
    """Refuse a scheduler for this process."""
    if scheduler is not None and name == "local":
        raise click.UsageError("--scheduler belongs to --engine dask.")
    if scheduler is not None and not scheduler.strip():
        raise click.UsageError("--scheduler must be an address, such as tcp://10.0.0.5:8786, not empty.")


@contextmanager
def engine_of(name: str, scheduler: str | None) -> Iterator[Engine]:
    """Start the engine of the given name, and end what was started for it."""
    require_dask_for(scheduler, name)
    if name == "local":
        from linear_regressor.training.engine import LocalEngine

        yield LocalEngine()
        return
    from linear_regressor.training.dask_engine import DaskEngine

    with DaskEngine(scheduler) as workers:
        yield workers
