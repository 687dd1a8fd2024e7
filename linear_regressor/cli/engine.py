"""The options that choose who reads a data set, and the engine they choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from linear_regressor.training.engine import Engine


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
