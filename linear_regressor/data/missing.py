"""``MissingRows``: which rows have no value in a column that is needed, and their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.errors import counted
from linear_regressor.files.reading import Reading
from linear_regressor.formats.text_values import is_missing
from linear_regressor.formats.value_types import is_text

Mask = NDArray[np.bool_]


@dataclass
class MissingRows:
    """Counts of rows, after the filter and cleaning."""

    rows: int = 0
    # those that lack any value
    missing: int = 0
    # those that lack the value of a column, by its name; columns that are complete are left out
    columns: dict[str, int] = field(default_factory=dict)

    def add(self, absent: Mapping[str, Mask]) -> Mask:
        """Count rows by what each column lacks, and return which of them lack nothing."""
        present: Mask = ~np.logical_or.reduce(list(absent.values()))
        self.rows += len(present)
        self.missing += len(present) - int(np.count_nonzero(present))
        for name, mask in absent.items():
            if count := int(np.count_nonzero(mask)):
                self.columns[name] = self.columns.get(name, 0) + count
        return present

    def __add__(self, other: MissingRows) -> MissingRows:
        """Add the counts of other rows of the same columns."""
        names = dict.fromkeys([*self.columns, *other.columns])
        return MissingRows(self.rows + other.rows, self.missing + other.missing,
                           {name: self.columns.get(name, 0) + other.columns.get(name, 0) for name in names})

    @property
    def left_out(self) -> str:
        """The counts of rows that are left out: ``123 of 10000 rows left out: 100 without age, 30 without bmi``."""
        return self._text(f"{counted(self.rows, 'row')} left out")

    def fault(self, whose: str = "") -> str:
        """Describe the counts of rows that are at fault; ``whose`` is "its " for those of one file."""
        have = "has" if self.missing == 1 else "have"
        return self._text(f"{whose}{counted(self.rows, 'row')} {have} missing values")

    def _text(self, rows: str) -> str:
        """Describe how many of some rows lack what."""
        columns = ", ".join(f"{count} without {name}" for name, count in sorted(self.columns.items()))
        return f"{self.missing} of {rows}" + (f": {columns}" if columns else "")


def absent_keys(keys: pa.Array, reading: Reading) -> Mask:
    """Find keys that are missing: null, or text that stands for it."""
    if pa.types.is_dictionary(keys.type):
        keys = keys.cast(keys.type.value_type)
    absent = is_missing(keys, reading) if is_text(keys.type) else keys.is_null()
    mask: Mask = absent.to_numpy(zero_copy_only=False).astype(bool)
    return mask
