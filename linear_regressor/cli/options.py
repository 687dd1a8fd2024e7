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
    """Take names apart that are separated by commas; one with a comma or a blank at its edge stands in double quotes.

    Parameters
    ----------
    context : click.Context
        The running command.
    option : click.Parameter
        The option that was given.
    values : tuple of str
        What it was given, each time.

    Returns
    -------
    tuple of str
        The names in order.

    Examples
    --------
    >>> as_features(click.Context(click.Command("train")), click.Option(["--features"]), ("bmi, bp", "s1"))
    ('bmi', 'bp', 's1')
    >>> as_features(click.Context(click.Command("train")), click.Option(["--features"]), ('"a,b", " c"',))
    ('a,b', ' c')
    """
    return tuple(name for row in csv.reader(values, skipinitialspace=True) for name in row or [""])


def as_rate(context: click.Context, option: click.Parameter, value: str) -> float | str:
    """Take a learning rate: 'auto' or a finite number greater than 0.

    Parameters
    ----------
    context : click.Context
        The running command.
    option : click.Parameter
        The option that was given.
    value : str
        What it was given.

    Returns
    -------
    float or "auto"

    Raises
    ------
    click.BadParameter
        If it is something else.
    """
    if value.strip() == "auto":
        return "auto"
    rate = as_finite(context, option, value)
    if rate <= 0:
        raise click.BadParameter(f"{value!r} must be greater than 0, or 'auto'.")
    return rate


def as_rates(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[float | str, ...]:
    """Take learning rates apart that are separated by commas.

    Parameters
    ----------
    context : click.Context
        The running command.
    option : click.Parameter
        The option that was given.
    values : tuple of str
        What it was given, each time.

    Returns
    -------
    tuple of float or "auto"
        The rates in order, each once.

    Raises
    ------
    click.BadParameter
        If one is no rate.

    Examples
    --------
    >>> as_rates(click.Context(click.Command("cross-validate")), click.Option(["--lr"]), ("0.1, auto", "0.10"))
    (0.1, 'auto')
    """
    return tuple(dict.fromkeys(as_rate(context, option, value) for value in as_features(context, option, values)))


def as_counts(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[int, ...]:
    """Take numbers of iterations apart that are separated by commas.

    Parameters
    ----------
    context : click.Context
        The running command.
    option : click.Parameter
        The option that was given.
    values : tuple of str
        What it was given, each time.

    Returns
    -------
    tuple of int
        The numbers in order, each once, from 1 to 100,000,000.

    Raises
    ------
    click.BadParameter
        If one is no such number.

    Examples
    --------
    >>> as_counts(click.Context(click.Command("cross-validate")), click.Option(["--iterations"]), ("10,20",))
    (10, 20)
    """
    whole: Any = click.IntRange(1, MOST_ITERATIONS)  # its type says that it converts whole numbers, not text
    return tuple(dict.fromkeys(whole.convert(value, option, context) for value in as_features(context, option, values)))


def as_size(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """Take a finite number of at least 0.

    Parameters
    ----------
    context : click.Context
        The running command.
    option : click.Parameter
        The option that was given.
    value : str or None
        What it was given, if it was.

    Returns
    -------
    float or None

    Raises
    ------
    click.BadParameter
        If it is something else.
    """
    if value is None:
        return None
    size = as_finite(context, option, value)
    if size < 0:
        raise click.BadParameter(f"{value!r} must be at least 0.")
    return size


def as_finite(context: click.Context, option: click.Parameter, value: str) -> float:
    """Take a finite number.

    Parameters
    ----------
    context : click.Context
        The running command.
    option : click.Parameter
        The option that was given.
    value : str
        What it was given.

    Returns
    -------
    float

    Raises
    ------
    click.BadParameter
        If it is no number, NaN or infinite.
    """
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise click.BadParameter(f"{value!r} is not a finite number.")
    return number


def as_file(context: click.Context, option: click.Parameter, value: Path) -> Path:
    """Take a path that can name a file.

    Parameters
    ----------
    context : click.Context
        The running command.
    option : click.Parameter
        The option that was given.
    value : Path
        What it was given.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    click.BadParameter
        If it ends in no name, such as an empty path, or is a URL.
    """
    if not value.name:
        raise click.BadParameter(f"'{value}' does not name a file.")
    as_local(context, option, value)
    return value


def as_local(context: click.Context, option: click.Parameter, value: Path | None) -> Path | None:
    """Take a path of this machine: a URL would be a folder of that name, and what is written there soon be lost.

    Parameters
    ----------
    context : click.Context
        The running command.
    option : click.Parameter
        The option that was given.
    value : Path or None
        What it was given, if it was.

    Returns
    -------
    Path or None
        The same.

    Raises
    ------
    click.BadParameter
        If it is a URL.
    """
    if value is not None and re.match("[a-z][a-z0-9+.-]+:/", str(value)):
        raise click.BadParameter(f"'{value}' is a URL; what can be written here is a file of this machine.")
    return value


def as_location(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> str | None:
    """Take where a data set is, which may be told once.

    Parameters
    ----------
    context : click.Context
        The running command.
    option : click.Parameter
        The option that was given.
    values : tuple of str
        What it was given, each time.

    Returns
    -------
    str or None
        None where it was not.

    Raises
    ------
    click.BadParameter
        If it was given more than once.
    """
    if len(values) > 1:
        raise click.BadParameter(f"is given {len(values)} times; a folder or a glob names several files.")
    return values[0] if values else None


def as_share(context: click.Context, option: click.Parameter, value: float) -> float:
    """Take a share that click has found in its range, which to click NaN is.

    Parameters
    ----------
    context : click.Context
        The running command.
    option : click.Parameter
        The option that was given.
    value : float
        What it was given.

    Returns
    -------
    float
        The same.

    Raises
    ------
    click.BadParameter
        If it is NaN.
    """
    if math.isnan(value):
        raise click.BadParameter("nan is not in the range 0<x<1.")
    return value


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def model_path(text: str) -> Decorator:
    """Make the option that names the model file to read.

    Parameters
    ----------
    text : str
        What its help says.

    Returns
    -------
    callable
        A decorator for a click command.
    """
    return click.option("--model-path", type=click.Path(path_type=Path), default=DEFAULT_MODEL_PATH,
                        show_default=True, help=text)


def data(required: bool) -> Decorator:
    """Make the option that names a data set.

    Parameters
    ----------
    required : bool
        Whether the command can do without.

    Returns
    -------
    callable
        A decorator for a click command.
    """
    return click.option("--data", metavar="PATH|GLOB|URL", required=required, show_default=not required and "none",
                        multiple=True, callback=as_location,
                        help="Data set: a file, a folder, a glob, gs://bucket/path or s3://bucket/path of CSV, "
                             "Parquet, Feather or NDJSON, any number of files.")


def target(required: bool) -> Decorator:
    """Make the option that names the target of a data set.

    Parameters
    ----------
    required : bool
        Whether the command can do without.

    Returns
    -------
    callable
        A decorator for a click command.
    """
    return click.option("--target", metavar="NAME", required=required, show_default=not required and "none",
                        help="Column of the data set to predict.")


def where() -> Decorator:
    """Make the option that filters the rows of a data set.

    Returns
    -------
    callable
        A decorator for a click command.
    """
    return click.option("--where", metavar="FILTER", show_default="all",
                        help="Rows of the data set to take, such as 'age > 30 and sex == \"f\"'.")


def key(use: str) -> Decorator:
    """Make the option that names the key of a data set.

    Parameters
    ----------
    use : str
        What the hash of the key decides.

    Returns
    -------
    callable
        A decorator for a click command.
    """
    return click.option("--key", metavar="NAME", show_default="the values of the row",
                        help=f"Column of whole numbers or text whose hash decides {use}.")


def require_data_for(context: click.Context, data: str | None, names: Sequence[str]) -> None:
    """Refuse options that are about a data set where none is given.

    Parameters
    ----------
    context : click.Context
        The running command.
    data : str or None
        What ``--data`` was given.
    names : sequence of str
        Names of the parameters that need it.

    Raises
    ------
    click.UsageError
        If one of them was given without ``--data``.
    """
    given = [name for name in names if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    if data is None and given:
        raise click.UsageError(f"--{given[0].replace('_', '-')} needs --data.", context)


def engine(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options --engine and --scheduler.

    Parameters
    ----------
    command : callable
        The function behind it, which takes ``engine`` and ``scheduler``.

    Returns
    -------
    callable
        The same function.
    """
    choice = click.option("--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True,
                          help="Who reads the data set: this process, or workers of Dask, a local cluster unless "
                               "--scheduler names another. The result is the same.")
    address = click.option("--scheduler", metavar="ADDRESS", show_default="a local cluster",
                           help="Scheduler of the Dask cluster to use, such as tcp://10.0.0.5:8786.")
    return choice(address(command))


def require_dask_for(scheduler: str | None, name: str) -> None:
    """Refuse a scheduler for this process.

    Parameters
    ----------
    scheduler : str or None
        What --scheduler was given.
    name : str
        What --engine was given: ``local`` or ``dask``.

    Raises
    ------
    click.UsageError
        If there is a scheduler and nobody to use it, or it is empty.
    """
    if scheduler is not None and name == "local":
        raise click.UsageError("--scheduler belongs to --engine dask.")
    if scheduler is not None and not scheduler.strip():
        raise click.UsageError("--scheduler must be an address, such as tcp://10.0.0.5:8786, not empty.")


@contextmanager
def engine_of(name: str, scheduler: str | None) -> Iterator[Engine]:
    """Start the engine of the given name, and end what was started for it.

    Parameters
    ----------
    name : str
        ``local`` or ``dask``.
    scheduler : str or None
        Address of a scheduler, for ``dask`` alone.

    Yields
    ------
    Engine

    Raises
    ------
    click.UsageError
        If a scheduler is given for this process, or an empty one.
    """
    require_dask_for(scheduler, name)
    if name == "local":
        from linear_regressor.training.engine import LocalEngine

        yield LocalEngine()
        return
    from linear_regressor.training.dask_engine import DaskEngine

    with DaskEngine(scheduler) as workers:
        yield workers
