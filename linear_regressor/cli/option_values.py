"""What options were given, taken apart and checked where click itself cannot tell."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

# Every loss on the way is kept: more of them than this fill a machine.
MOST_ITERATIONS = 100_000_000


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
        If it ends in no name, such as an empty path.
    """
    if not value.name:
        raise click.BadParameter(f"'{value}' does not name a file.")
    return value
