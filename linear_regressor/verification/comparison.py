"""``Comparison``: the columns of a data set that are compared with the reference of its schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from linear_regressor.model.moments import Moments
from linear_regressor.verification.column_summary import ColumnSummary
from linear_regressor.verification.data_summary import ORDERING, DataSummary
from linear_regressor.verification.schema import Reference, Schema


@dataclass(frozen=True, eq=False)
class Comparison:
    """A data set and what it is compared with."""

    summary: DataSummary
    schema: Schema
    reference: Reference

    def __iter__(self) -> Iterator[tuple[str, ColumnSummary]]:
        """All columns that the reference knows and every file has."""
        for name, values in self.summary.columns.items():
            if name in self.schema.by_name and name in self.reference.missing and all(
                    name in names for names in self.summary.layouts):
                yield name, values

    @cached_property
    def numbers(self) -> dict[str, ColumnSummary]:
        """The columns of numbers with bins, without those that have become constant, which is another finding."""
        return {name: values for name, values in self if name in self.reference.bins and values.bins is not None
                and self.schema.by_name[name].role not in ORDERING
                and (values.minimum != values.maximum or self.reference.minimum[name] == self.reference.maximum[name])}

    @cached_property
    def categories(self) -> dict[str, ColumnSummary]:
        """The columns of categories, without those that have become constant."""
        return {name: values for name, values in self if self.reference.categories.get(name)
                and values.kind in ("category", "flag")
                and (values.categories is None or len(values.categories) > 1
                     or len(self.reference.categories[name]) == 1)}

    @cached_property
    def joint(self) -> tuple[str, ...]:
        """The columns of the moments; none if either data set has no moments of at least two of them."""
        if self.summary.moments is None or self.reference.moments is None:
            return ()
        names = tuple(name for name in self.reference.numbers if name in self.numbers and name in self.summary.numbers)
        return names if len(names) > 1 else ()

    @cached_property
    def tests(self) -> int:
        """Number of tests that share the error rate."""
        joint, categories = len(self.joint), [
            2 + len(self.reference.categories[name]) + len(values.categories or ())
            for name, values in self.categories.items()]
        return (joint + joint * (joint - 1) // 2 + 1 + 3 * len(self.numbers) + 2 * len(self.reference.missing)
                + sum(categories))

    def moments(self, names: Sequence[str]) -> tuple[Moments, Moments]:
        """Moments of the reference and of the data set."""
        return (_selected(self.reference.moments, self.reference.numbers, names),
                _selected(self.summary.moments, self.summary.numbers, names))

    def ranks(self, names: Sequence[str]) -> tuple[Moments, Moments] | None:
        """Moments of the ranks of the reference and of the data set; None if either has none."""
        if self.reference.ranks is None or self.summary.ranks is None:
            return None
        return (_selected(self.reference.ranks, self.reference.numbers, names),
                _selected(self.summary.ranks, self.reference.numbers, names))

    def mean_and_spread(self, name: str) -> tuple[tuple[float, float], tuple[float, float]]:
        """Mean and standard deviation of a column of the moments, in the reference and in the data set."""
        before, after = ((float(each.m[0]), float(np.sqrt(each.C[0, 0] / each.n)))
                         for each in self.moments([name, name]))
        return before, after

    def amount(self, name: str, value: float) -> str:
        """Show a number in the unit of its column."""
        unit = self.schema.by_name[name].unit
        return f"{value:.6g}{f' {unit}' if unit else ''}"


def _selected(moments: Moments | None, known: Sequence[str], names: Sequence[str]) -> Moments:
    """Keep the moments of some columns, in this order."""
    assert moments is not None  # nosec B101  # without moments ``joint`` has no names
    return moments.select([known.index(name) for name in names])
