"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from linear_regressor.cli.option_values import as_location
from linear_regressor.settings import DEFAULT_MODEL_PATH

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
