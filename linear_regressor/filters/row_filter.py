"""``RowFilter``: which rows to take, from SQL such as ``age > 30 and sex = 'f'``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import pyarrow as pa

from linear_regressor.errors import DataError, SettingError, counted
from linear_regressor.filters import database, old_form, syntax
from linear_regressor.filters.conversion import FAULTS, Use, converted
from linear_regressor.filters.kinds import Kinds, compared_together, kinds_of
from linear_regressor.filters.nodes import Kind, Node
from linear_regressor.filters.plan import Plan
from linear_regressor.formats.file_format import Format
from linear_regressor.formats.remedies import escaped, listed, other_spelling
from linear_regressor.formats.value_types import plain, plain_type

Convert = Callable[[pa.Array], pa.Array]


@dataclass(frozen=True)
class RowFilter:
    """A filter with the logic of SQL: a comparison with a missing value is neither true nor false.

    Missing are null, NaN, and text that stands for a missing value.
    """

    text: str

    @staticmethod
    @lru_cache(16)
    def of(text: str) -> RowFilter:
        """Parse a filter."""
        row_filter = RowFilter(text)
        if not row_filter.kinds:
            raise syntax.invalid(text, "it names no column")
        return row_filter

    @cached_property
    def _parsed(self) -> tuple[Node, frozenset[str]]:
        """The expression, and the names that stand in double quotes."""
        if "==" in syntax.bare(self.text):
            raise self._of_earlier_version(syntax.invalid(self.text, "SQL compares with `=`, not with `==`"))
        try:
            return syntax.parse(self.text)
        except SettingError as error:
            raise self._of_earlier_version(error) from None

    @cached_property
    def kinds(self) -> Kinds:
        """What each column must be, in order of appearance; None if the filter does not say it."""
        return kinds_of(self._parsed[0])

    @cached_property
    def types(self) -> dict[str, pa.DataType]:
        """Types to read of a file without types; columns that are compared only with each other are numbers."""
        together = compared_together(self._parsed[0])
        return {name: pa.float64() if kind is Kind.NUMBER or kind is None and name in together else pa.string()
                for name, kind in self.kinds.items()}

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the columns that the filter compares with numbers."""
        return tuple(name for name, kind in self.kinds.items() if kind is Kind.NUMBER)

    @property
    def non_numbers(self) -> tuple[str, ...]:
        """Names of the columns that the filter compares with something else than numbers."""
        return tuple(name for name, kind in self.kinds.items() if kind not in (None, Kind.NUMBER))

    def require_columns(self, names: Sequence[str], file: str, hide: bool = False) -> None:
        """Reject a filter that names a column that a file lacks; ``hide`` hides names, which may be values."""
        for name in self.kinds:
            if name in names:
                continue
            hint = ""
            existing = (f"it has {counted(len(names), 'column')} (names are hidden)" if hide else
                        f"its columns: {listed(map(escaped, names)) or 'none'}")
            if like := other_spelling(name, names, hide):
                hint = f" ({like})"
            elif name in self._parsed[1]:
                hint = " (put text in single quotes: '" + name.replace("'", "''") + "')"
            raise DataError(f"{file} has no column {name!r}, which the filter names{hint}; {existing}")

    def require_types(self, kinds: Mapping[str, pa.DataType], form: Format) -> None:
        """Reject a file whose columns are not of the types that the filter compares."""
        self._plan(kinds, form)

    def filtered(self, batch: pa.RecordBatch, form: Format) -> pa.RecordBatch:
        """Return the rows of a batch that the filter takes."""
        compared = {name: plain(batch.column(name)) for name in self.kinds}
        expression, columns = self._plan({name: column.type for name, column in compared.items()}, form)
        values = {place: converted(compared[name], use, form.file.reading)
                  for (name, use), place in columns.items()}
        return batch.filter(database.evaluated(expression, values))

    def not_comparable(self, batch: pa.RecordBatch, form: Format) -> list[tuple[str, Convert, str]]:
        """Return the columns with a value that is not what the filter compares: name, conversion and fault."""
        _, columns = self._plan({name: batch.column(name).type for name in self.kinds}, form)
        found: list[tuple[str, Convert, str]] = []
        for name, use in columns:
            convert = partial(converted, use=use, reading=form.file.reading)
            try:
                convert(batch.column(name))
            except pa.ArrowInvalid:
                found.append((name, convert, FAULTS[use]))
        return found

    def _plan(self, kinds: Mapping[str, pa.DataType], form: Format) -> tuple[str, dict[tuple[str, Use], str]]:
        """Return the expression for columns of some types, and its columns."""
        return _planned(self, tuple((name, kinds[name]) for name in self.kinds), form.typed, form.file.name)

    def _of_earlier_version(self, error: SettingError) -> SettingError:
        """Return the error of a filter, with its correction if it is of the earlier language."""
        correction = old_form.translated(self.text) if len(self.text) <= syntax.MOST_SHOWN else None
        if correction is None:
            return error
        return SettingError(f"the filter {self.text!r} is not SQL; write: {correction}")


@lru_cache(64)
def _planned(row_filter: RowFilter, types: tuple[tuple[str, pa.DataType], ...], typed: bool,
             file: str) -> tuple[str, dict[tuple[str, Use], str]]:
    """Make the expression of a filter for a file."""
    plan = Plan({name: plain_type(kind) for name, kind in types}, row_filter.kinds, typed, file,
                compared_together(row_filter._parsed[0]))
    return plan.expression(row_filter._parsed[0]), plan.columns
