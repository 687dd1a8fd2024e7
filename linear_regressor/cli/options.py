"""Options that several commands share, and the checks of those whose range click cannot tell."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from linear_regressor.settings import DEFAULT_MODEL_PATH


def model_path(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
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


def as_features(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Take names apart that are separated by commas.

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
    """
    return tuple(name.strip() for value in values for name in value.split(","))


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
    if value == "auto":
        return value
    rate = as_finite(context, option, value)
    if rate <= 0:
        raise click.BadParameter(f"{value!r} must be greater than 0, or 'auto'.")
    return rate


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
        If it ends in no name, such as an empty path.
    """
    if not value.name:
        raise click.BadParameter(f"'{value}' does not name a file.")
    return value
