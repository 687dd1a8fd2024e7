"""A progress bar for people: rows, rows a second, and the time that is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def rows_bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, where that is a terminal.

    Parameters
    ----------
    total : int
        How many rows there will be, as far as is known.

    Yields
    ------
    callable
        To be told how many rows more are done.
    """
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread that looks after bars: every block is reported, and with miniters=1 looked at
    with tqdm(total=total, unit=" rows", unit_scale=True, miniters=1, dynamic_ncols=True, disable=None) as bar:
        def report(rows: int) -> None:
            bar.total = max(bar.total or 0, bar.n + rows)  # of files of text the total is a guess
            bar.update(rows)

        yield report
        bar.total = bar.n  # now it is known
        bar.refresh()
