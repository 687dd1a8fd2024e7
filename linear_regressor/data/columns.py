"""``Columns``: which columns and rows of its files a data set takes, and how their values become numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.cleaning.steps import DropRepeated, Map, Step, ValueStep, columns_of
from linear_regressor.errors import DataError, SettingError, counted
from linear_regressor.files.locations import File
from linear_regressor.files.reading import Reading
from linear_regressor.formats import registry, remedies, text_values
from linear_regressor.formats.file_format import Format
from linear_regressor.formats.remedies import other_spelling
from linear_regressor.formats.value_types import FLOAT64_WHOLE, is_numeric, is_text, plain

if TYPE_CHECKING:
    from linear_regressor.filters.row_filter import RowFilter

Array = NDArray[np.float64]

# Name of a temporary column of row numbers; no file is likely to have one of this name.
ROW_NUMBER = "\0row"
# Text that is a finite number, for PyArrow's and Python's regular expressions.
NUMBER_TEXT = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


@dataclass(frozen=True)
class Columns:
    """Names of the columns to read, and a row filter."""

    # names of the p features, in order; at least one, without duplicates
    features: tuple[str, ...]
    # name of the target; None to predict
    target: str | None
    # row filter, as ``RowFilter`` parses it; None takes all rows
    where: str | None = None
    # name of the column of integers or text whose hash splits the rows; None hashes features and target
    key: str | None = None
    # cleaning steps, in order; those of columns that are not read have no effect
    steps: tuple[Step, ...] = ()
    # whether rows without a feature, target or key are left out; else they are faults
    drop_missing: bool = False

    def __post_init__(self) -> None:
        """Check the names against each other, and parse the filter."""
        names = [*self.numbers, *([] if self.key is None else [self.key])]
        duplicates = [name for name in names if names.count(name) > 1]
        if not self.features or not all(names) or duplicates:
            reason = f"{duplicates[0]!r} is named twice" if duplicates else "a name is missing"
            raise SettingError(f"features, target and key must be different columns: {reason}")
        if mapped := [name for name in self.compared_with_numbers if name in self.mapped]:
            raise SettingError(f"the filter compares {mapped[0]!r} with a number, but its text is cleaned after the "
                               "filter: compare it with text")

    @property
    def row_filter(self) -> RowFilter | None:
        """The parsed filter."""
        if self.where is None:
            return None
        from linear_regressor.filters.row_filter import RowFilter  # most data sets have no filter

        return RowFilter.of(self.where)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Names of the columns of a block: the features, then the target."""
        return self.features if self.target is None else (*self.features, self.target)

    @property
    def read(self) -> tuple[str, ...]:
        """Names of all columns to read, without duplicates."""
        return tuple(dict.fromkeys([*self.numbers, *([] if self.key is None else [self.key]), *self.types]))

    @cached_property
    def chosen_by(self) -> tuple[str, ...]:
        """Names of the columns by which cleaning steps choose rows."""
        return tuple(dict.fromkeys(name for step in self.steps if not isinstance(step, ValueStep)
                                   for name in columns_of(step)))

    @cached_property
    def mapped(self) -> frozenset[str]:
        """Names of the columns that are read as text because a cleaning step maps text."""
        return frozenset(step.column for step in self.steps if isinstance(step, Map) and step.texts
                         and step.column in (*self.numbers, *self.chosen_by))

    @cached_property
    def types(self) -> dict[str, pa.DataType]:
        """Type of each column in a file format without types: float64 or string."""
        filtered = {} if self.row_filter is None else self.row_filter.types
        compared = () if self.row_filter is None else self.row_filter.non_numbers
        texts = [*([] if self.key is None else [self.key]), *self.mapped, *compared,
                 *(name for step in self.steps if isinstance(step, DropRepeated) for name in step.key)]
        return {**dict.fromkeys(self.chosen_by, pa.string()), **filtered, **dict.fromkeys(self.numbers, pa.float64()),
                **dict.fromkeys(texts, pa.string())}

    @property
    def numeric(self) -> tuple[str, ...]:
        """Names of the columns whose values must be numbers: those of a block, and those compared with a number."""
        return tuple(dict.fromkeys([*self.numbers, *self.compared_with_numbers]))

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the columns in the filter."""
        return () if self.row_filter is None else tuple(self.row_filter.types)

    @property
    def compared_with_numbers(self) -> tuple[str, ...]:
        """Names of the columns that the filter compares with numbers; the key, read as text, may be one."""
        return () if self.row_filter is None else self.row_filter.numbers

    def filtered(self, batch: pa.RecordBatch, form: Format) -> pa.RecordBatch:
        """Apply the filter to a batch of a file."""
        return batch if self.row_filter is None else self.row_filter.filtered(batch, form)

    def not_comparable(self, batch: pa.RecordBatch, form: Format) -> list[tuple[str, Callable[[pa.Array], Any], str]]:
        """Return the columns of a batch that the filter cannot convert; see ``RowFilter``."""
        return [] if self.row_filter is None else self.row_filter.not_comparable(batch, form)

    def require_columns(self, names: Sequence[str], file: File) -> None:
        """Reject a file that does not have exactly one column of each name."""
        if self.row_filter is not None:
            self.row_filter.require_columns(names, file.name, file.reading.hide_values)
        require_unique(self.read, names, registry.of(file))


def require_unique(required: Iterable[str], names: Sequence[str], form: Format, of_data: bool = False) -> None:
    """Reject a file that does not have exactly one column of each required name.

    Without a header, names are values, and so are the required ones if they are those of the data.
    """
    required, hide = tuple(required), form.file.reading.hide_values
    wrong = [name for name in required if list(names).count(name) != 1]
    if wrong:
        existing = (f"it has {counted(len(names), 'column')} (names are hidden)" if hide else
                    f"its columns: {remedies.listed(map(_shown, names)) or 'none'}")
        needed = "each column of the data exactly once" if hide and of_data else f"one column {wrong[0]!r}"
        like = other_spelling(wrong[0], names, hide)
        hint = ("; give each column a name of its own" if wrong[0] in names else
                f"; {like}" if like else form.hint(required, names))
        raise DataError(f"{form.file.name} must have {needed}; {existing}{hint}")


def _shown(name: str) -> str:
    """Quote a name with a comma or with blanks at its ends."""
    return repr(name) if name != name.strip() or "," in name or not name.isprintable() else name


def numbers(column: pa.Array, reading: Reading = Reading()) -> Array:
    """Convert a column to float64; missing values become NaN."""
    if not is_numeric(column.type):
        raise pa.ArrowInvalid(f"values of type {column.type} are not numbers")
    column = plain(column)
    # It takes longer to import pyarrow.compute, and pandas, which PyArrow imports for scalars, pa.array() and
    # to_numpy(), than to read a small file: numbers are converted without them.
    if not column.null_count and (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        whole: NDArray[Any] = np.from_dlpack(column)
        if whole.dtype.kind == "f" or whole.itemsize < 8 or (
                len(whole) and whole.min() >= -FLOAT64_WHOLE and whole.max() <= FLOAT64_WHOLE):
            return whole.astype(np.float64, copy=False)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())  # a cast from decimal to float64 may be off by the last digit
    if is_text(column.type):
        column = text_values.to_numbers(column, reading)
    column = column.cast(pa.float64())  # rejects integers that float64 might not represent
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False) if column.null_count else np.from_dlpack(column)
    return values


def array(values: Array) -> pa.Array:
    """Return contiguous numbers as a column, without a copy."""
    return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(values)])


def first_non_number(column: pa.Array, convert: Callable[[pa.Array], Any] = numbers) -> int:
    """Find the first value that is not a number, by bisection."""
    first, last = 0, len(column) - 1
    while first < last:
        middle = (first + last) // 2
        try:
            convert(column.slice(first, middle + 1 - first))
            first = middle + 1
        except pa.ArrowInvalid:
            last = middle
    return first
