"""What options were given, taken apart and checked where click itself cannot tell."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import Any

import click

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
