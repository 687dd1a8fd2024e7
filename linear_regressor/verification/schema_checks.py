"""Checks that need no statistics: what a schema declares, text in columns of numbers, and constant columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from linear_regressor.errors import counted
from linear_regressor.formats.remedies import cut
from linear_regressor.verification.column_summary import ColumnSummary
from linear_regressor.verification.data_summary import DataSummary
from linear_regressor.verification.finding import Finding, Severity
from linear_regressor.verification.schema import LARGEST, Column, Schema

ERROR, WARNING = Severity.ERROR, Severity.WARNING
KINDS = {"number": "finite numbers", "category": "texts", "text": "texts", "time": "times", "flag": "true or false"}


def check_declared(summary: DataSummary, schema: Schema | None) -> list[Finding]:
    """Compare a data set with what its schema declares; without one, find text in numbers and constant columns."""
    found = [] if schema is None else [*_check_names(summary, schema), *_check_reference(schema)]
    for name, values in summary.columns.items():
        column = None if schema is None else schema.by_name.get(name)
        if schema is None or column is not None:
            found += [*_check_kind(name, values, summary.rows), *_check_constant(name, values, summary, schema),
                      *([] if column is None else _check_column(column, values, summary))]
    return found


def _check_names(summary: DataSummary, schema: Schema) -> Iterator[Finding]:
    """Compare the names of the columns of each file, and their order."""
    wanted = [column.name for column in schema.columns]
    for names, file in summary.layouts.items():
        for name in wanted:
            if name not in names:
                yield Finding("missing-column", name, ERROR, f"{file} has no column {name!r}, which the schema names: "
                              "add it, or remove it from the schema")
        for name in names:
            if name not in wanted:
                yield Finding("unknown-column", name, WARNING, f"{file} has the column {name!r}, which the schema does "
                              "not name, so it was not checked: add it to the schema, or remove it from the data")
        moved = next((pair for pair in zip([name for name in names if name in wanted],
                                           [name for name in wanted if name in names], strict=True)
                      if pair[0] != pair[1]), None)
        if moved is not None:
            yield Finding("order", moved[0], WARNING, f"{file} has column {moved[0]!r} where the schema has "
                          f"{moved[1]!r}: check that no values are under the name of another column")


def _check_reference(schema: Schema) -> Iterator[Finding]:
    """Find columns that were added or removed after the reference was made."""
    if schema.reference is None:
        return
    declared, known = schema.by_name, schema.reference.missing
    for name in dict.fromkeys([*declared, *known]):
        if name in declared and name in known:
            continue
        what = "declares" if name in declared else "does not declare"
        yield Finding("stale-schema", name, WARNING, f"the schema {what} column {name!r}, but its reference "
                      f"{'does not know it' if name in declared else 'has it'}: learn the schema again with --learn")


def _check_kind(name: str, values: ColumnSummary, rows: int) -> Iterator[Finding]:
    """Find values that are not of the column's kind."""
    if values.not_numbers:
        what = f"{counted(values.not_numbers, 'value')} " + (
            f"other than {KINDS[values.kind]} in {counted(rows, 'row')}: correct them, or leave them empty"
            if values.kind in KINDS else
            f"of a type without checks in {counted(rows, 'row')}: leave the column out, or write it as numbers or text")
        yield Finding("type", name, ERROR, f"column {name!r} has {what}", values.not_numbers, values.not_numbers / rows,
                      values.not_number_rows)
    if values.too_large:
        yield Finding("type", name, ERROR, f"column {name!r} has {_some(values.too_large, rows)} over {LARGEST:g} in "
                      "size, whose squares leave the range of float64: correct them, or scale the column",
                      values.too_large, values.too_large / rows, values.too_large_rows)


def _check_constant(name: str, values: ColumnSummary, summary: DataSummary, schema: Schema | None) -> Iterator[Finding]:
    """Find a column of one value only, or of none, unless its reference has only one, too."""
    rows = summary.rows
    present = rows - values.missing - values.not_numbers
    reference = None if schema is None else schema.reference
    known = reference if reference is not None and name in reference.missing else None
    if values.missing == rows > 1 and known is None:
        yield Finding("constant", name, WARNING, f"column {name!r} has no value in any row: find out why, or leave it "
                      "out", rows, 1.0)
    if present < 2 or not values.constant or known is not None and not known.varies(name):
        return
    what = "the same value" if summary.hide_values else f"the value {_shown(values)}"
    yield Finding("constant", name, ERROR if known is not None else WARNING, f"column {name!r} has {what} in every row"
                  ": find out why it does not vary, or leave it out", present, present / rows)


def _shown(values: ColumnSummary) -> str:
    """Show the smallest number or time, or the first text."""
    if values.minimum is None:
        return cut(next(iter(values.categories or ("",))))
    if values.kind == "time":
        return f"{str(np.datetime64(int(values.minimum), 's')).replace('T', ' ')} UTC"
    return f"{values.minimum:.6g}"


def _check_column(column: Column, values: ColumnSummary, summary: DataSummary) -> Iterator[Finding]:
    """Compare the values of a column with what it declares."""
    name, rows = column.name, summary.rows
    if values.outside:
        low, high = ("any" if limit is None else f"{limit:.10g}" for limit in (column.minimum, column.maximum))
        found = "" if summary.hide_values else f" (they are {values.minimum:.10g} to {values.maximum:.10g})"
        yield Finding("range", name, ERROR, f"column {name!r} has {_some(values.outside, rows)} outside its range "
                      f"{low} to {high}{found}: check the unit, and correct the values or the range",
                      values.outside, values.outside / rows, values.outside_rows)
    if values.undeclared:
        yield Finding("category", name, ERROR, f"column {name!r} has {counted(values.undeclared, 'value')} outside "
                      f"its categories in {counted(rows, 'row')}: correct them, or add them to the "
                      "categories of the schema", values.undeclared, values.undeclared / rows, values.undeclared_rows)
    if column.role == "time" and values.decreases:
        yield Finding("time-order", name, ERROR, f"column {name!r} has {_some(values.decreases, rows)} before the one "
                      "in the row above: sort the rows by time, or remove the role of the column", values.decreases,
                      values.decreases / rows, values.decrease_rows)
    share = values.missing / rows
    if column.missing is not None and share > column.missing:
        yield Finding("missing", name, ERROR, f"column {name!r} has {_some(values.missing, rows, 'missing value')} "
                      f"({share:.2%} of the rows, {column.missing:.2%} allowed): fill them in, or drop the rows",
                      values.missing, share, values.missing_rows)


def _some(count: int, rows: int, noun: str = "value") -> str:
    """Return a number of values with the number of rows."""
    return f"{counted(count, noun)} in {counted(rows, 'row')}"
