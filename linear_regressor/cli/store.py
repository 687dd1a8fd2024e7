"""``linear-regressor store``: tables, contents and age of a feedback store."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import numpy as np

from linear_regressor.artefact.model_files import load
from linear_regressor.artefact.model_location import ModelLocation
from linear_regressor.cli import options
from linear_regressor.errors import StoreError, counted
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.location import StoreLocation


def parse_age(context: click.Context, option: click.Parameter, text: str) -> timedelta:
    """Parse a number of days or hours, such as 90d."""
    match = re.fullmatch(r"(\d{1,5})([dh])", text)
    if match is None:
        raise click.BadParameter(f"'{text}' must be a whole number of at most five digits with d for days or h for "
                                 "hours, such as 90d.")
    return timedelta(**{{"d": "days", "h": "hours"}[match[2]]: int(match[1])})


@click.group(invoke_without_command=True)
@click.pass_context
def store(context: click.Context) -> None:
    """Manage the feedback store of a server.

    The store keeps the rows that POST /feedback gets, and blocks made of them, in SQLite or PostgreSQL.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@store.command()
@options.store(required=True)
def migrate(store: StoreLocation) -> None:
    """Make the tables, or bring them to the newest version.

    Does nothing if they have it. Needs the extra 'store'.

    \b
    Example:
      STORE=sqlite:///feedback.db linear-regressor store migrate
    """
    from linear_regressor.monitoring.store.migration import migrate as run  # an extra of its own

    click.echo(f"{store} has version {run(store)}", err=True)


@store.command()
@options.store(required=True)
def check(store: StoreLocation) -> None:
    """Print version, columns, rows and blocks, and the number of repeated rows.

    The exit code is 1 if the store cannot be used by this version of the program.

    \b
    Example:
      STORE=sqlite:///feedback.db linear-regressor store check
    """
    summary = open_store(store).summary()
    rows = f"{summary.rows}, serial numbers {summary.first} to {summary.last}" if summary.rows else "0"
    equal = "equals" if summary.repeated == 1 else "equal"
    columns = "not recorded yet" if summary.features is None else ", ".join(summary.features)
    for name, value in {
            "store": store, "version": summary.version, "identity": summary.identity, "features": columns,
            "target": summary.target or "not recorded yet", "rows": rows,
            "blocks": f"{summary.blocks}, up to serial number {summary.closed}" if summary.blocks else "0",
            "repeated": f"{counted(summary.repeated, 'row')} {equal} an older row under another key"}.items():
        click.echo(f"{name:<12} {value}")


@store.command("continue")
@options.store(required=True)
@click.option("--after", metavar="SERIAL", type=click.IntRange(1, 2**62), required=True,
              help="Serial number of the last row that a model has learned from.")
def continue_numbering(store: StoreLocation, after: int) -> None:
    """Number new rows after those that a backup lacks.

    A database that is restored from a backup would give the serial numbers of the lost rows to new ones, which models
    that have learned from the lost rows take for old. Run this before a server uses the restored store. Serial numbers
    never become smaller.

    \b
    Example:
      STORE=sqlite:///feedback.db linear-regressor store continue --after 12000
    """
    opened = open_store(store)
    opened.continue_after(after)
    click.echo(f"new rows get serial numbers after {opened.numbered()}", err=True)


@store.command()
@options.store(required=True)
@click.option("--older-than", metavar="AGE", callback=parse_age, required=True,
              help="Age of the rows to delete, such as 90d.")
@options.model_path
def prune(store: StoreLocation, older_than: timedelta, model_path: ModelLocation) -> None:
    """Delete the rows of blocks that are older than an age.

    Blocks are closed first, and their rows outside the intervals of the model in use are counted, so monitoring and
    retraining lose nothing. What stays are the blocks' moments: sums over at least 50 rows, divided by caller.

    \b
    Example:
      STORE=sqlite:///feedback.db linear-regressor store prune --older-than 90d
    """
    deleted = open_store(store).prune(datetime.now(UTC) - older_than, load(model_path))
    click.echo(f"deleted {counted(deleted, 'row')}", err=True)


@store.command()
@options.store(required=True)
@click.option("--output", type=options.LocalFile(), required=True,
              help="File to write: .csv, .parquet, .feather, .arrow, .ndjson or .jsonl, or a pipe or device, which "
                   "gets CSV.")
def export(store: StoreLocation, output: Path) -> None:
    """Write all rows with their serial number, time, caller and model.

    Pruned rows are missing. Needs the extra 'training'.

    \b
    Example:
      STORE=sqlite:///feedback.db linear-regressor store export --output feedback.parquet
    """
    from linear_regressor.predictions.feedback_export import export as write  # an extra of its own

    opened = open_store(store)
    features, target = opened.features, opened.target
    if features is None or target is None:
        raise StoreError(f"the feedback store {store} has no rows yet")
    pieces = (((rows.serials, rows.received, rows.principals, rows.models), np.column_stack([rows.X, rows.y]))
              for rows in opened.rows())
    count = write(pieces, [*features, target], output)
    click.echo(f"wrote {counted(count, 'row')} to {output}", err=True)
