"""Learn a schema from a data set, for people to review."""

from __future__ import annotations

from dataclasses import replace

from linear_regressor.model.moments import Moments
from linear_regressor.verification.column_summary import ColumnSummary
from linear_regressor.verification.data_summary import ORDERING, DataSummary
from linear_regressor.verification.schema import Column, Kind, Reference, Schema

# Rows from which on a column in order is taken for a key or for the time of the rows, since it is not so by chance.
LEAST_ORDERED_ROWS = 20
# Rows for each different text from which on a column of text is one of categories.
ROWS_PER_CATEGORY = 5


def learn(summary: DataSummary, declared: Schema | None = None) -> Schema:
    """Return a schema with a new reference, which keeps all that an older one declares.

    New columns declare kind, key and time only: limits of a sample are no limits of all data.
    """
    kept = () if declared is None else declared.columns
    known = {column.name for column in kept}
    new = [_column(name, values, summary.rows) for name, values in summary.columns.items()
           if values.kind != "other" and name not in known]
    timed = [column.name for column in (*kept, *new) if column.role == "time"]
    columns = (*kept, *(replace(column, role=None) if column.name in timed[1:] else column for column in new))
    reference = _reference(summary, columns)
    return Schema(columns, reference) if declared is None else replace(declared, columns=columns, reference=reference)


def _column(name: str, values: ColumnSummary, rows: int) -> Column:
    """Declare kind and role of a column, as far as its values decide them."""
    if values.increasing and rows >= LEAST_ORDERED_ROWS:
        return Column(name, "number", role="key")
    in_order = not (values.decreases or values.missing or values.not_numbers) and rows >= LEAST_ORDERED_ROWS
    return Column(name, _kind(values), role="time" if values.kind == "time" and in_order else None)


def _kind(values: ColumnSummary) -> Kind:
    """Tell categories from other text."""
    if values.kind == "number" or values.kind == "time" or values.kind == "flag":
        return values.kind
    counts = values.categories
    return "category" if counts and sum(counts.values()) >= ROWS_PER_CATEGORY * len(counts) else "text"


def _reference(summary: DataSummary, columns: tuple[Column, ...]) -> Reference:
    """Keep what later data are compared with; a key is new in every data set."""
    found = [column for column in columns if column.name in summary.columns]
    compared = {column.name: summary.columns[column.name] for column in found if column.role not in ORDERING}
    numbers = {name: values for name, values in compared.items() if values.kind == "number"}
    names = tuple(name for name in summary.numbers if name in numbers)
    limits = {name: values for name, values in numbers.items() if values.minimum is not None}
    categories = {column.name: summary.columns[column.name].categories or {} for column in found
                  if column.kind in ("category", "flag")}
    return Reference(
        summary.rows, names, moments_of(summary.moments, summary.numbers, names),
        {name: values.histogram.coarse() for name, values in numbers.items() if values.histogram is not None},
        {column.name: summary.columns[column.name].missing for column in found},
        {name: dict(sorted(counts.items())) for name, counts in categories.items()},
        {name: float(values.minimum or 0.0) for name, values in limits.items()},
        {name: float(values.maximum or 0.0) for name, values in limits.items()},
        constant=tuple(column.name for column in found if summary.columns[column.name].constant))


def moments_of(moments: Moments | None, known: tuple[str, ...], names: tuple[str, ...]) -> Moments | None:
    """Moments of some of the known columns; None for fewer than two."""
    if moments is None or len(names) < 2:
        return None
    return moments.select([known.index(name) for name in names])
