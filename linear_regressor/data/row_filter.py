"""``Where``: which rows to take, in one line of text such as ``age > 30 and sex == "f"``."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linear_regressor.errors import SettingError

COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge}
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In}
MIRRORED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
FORM = ("comparisons of a column with a number or a text (==, !=, <, <=, >, >=, in, not in), joined by and, or, not; "
        "the column's name must be a plain word")
# PyArrow joins what it is given into one long chain, goes down it by recursion, and dies of several thousand.
MOST_COMPARISONS = 1000
# Whole numbers from here on are not all float64.
FLOAT64_WHOLE = 2**53


@dataclass(frozen=True)
class RowFilter:
    """A filter of rows.

    A comparison with a missing value is never true, also under ``not``. NaN is missing, and so is an empty text: CSV
    cannot tell either from nothing.
    """

    # what PyArrow evaluates
    expression: pc.Expression
    # the columns it looks at, each with the type of what it is compared with: float64 or string
    types: dict[str, pa.DataType]
    # the columns that are compared with a whole number beyond 2**53, which float64 may not hold, each with the last
    wide: dict[str, int]

    @classmethod
    def of(cls, text: str) -> RowFilter:
        """Read a filter."""
        seen = _Seen({}, {})
        try:
            tree = ast.parse(text.strip(), mode="eval").body
            _require_few(tree)
            return cls(seen.condition(tree, True), seen.types, seen.wide)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise SettingError(f"the filter {text!r} must be {FORM}") from None


# Below, a part of the text is read as Python has it; whatever is no simple filter is a ValueError. ``not`` is carried
# down to the comparisons, so that nothing turns one that is not true, as of a missing value, into one that is. What
# PyArrow concludes from the statistics of a row group, which leave NaN out, then holds for every row that is taken.

@dataclass(frozen=True)
class _Seen:
    """The columns that were seen on the way."""

    types: dict[str, pa.DataType]
    wide: dict[str, int]

    def condition(self, node: ast.expr, wanted: bool) -> pc.Expression:
        """Read something that is true or false of a row, and ask for the one or the other."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.condition(node.operand, not wanted)
        if isinstance(node, ast.BoolOp):
            return _joined([self.condition(value, wanted) for value in node.values],
                           isinstance(node.op, ast.And) is wanted)
        if not isinstance(node, ast.Compare):
            raise ValueError(node)
        sides = [node.left, *node.comparators]
        return _joined([self.comparison(left, type(compare) if wanted else OPPOSITE.get(type(compare), ast.Is), right)
                        for left, compare, right in zip(sides, node.ops, sides[1:], strict=False)], wanted)

    def comparison(self, left: ast.expr, compare: type[ast.cmpop], right: ast.expr) -> pc.Expression:
        """Read one comparison of a column, on either side, with a literal on the other, or with several."""
        if compare in (ast.In, ast.NotIn):
            values = [_literal(element) for element in getattr(right, "elts", [right])]  # ("f") has no comma in it
            if not values:
                raise ValueError(compare)
            found = _is_in(self.field(left, values), values)
            return self.present(left) & (found if compare is ast.In else ~found)
        if compare not in COMPARE:
            raise ValueError(compare)
        if isinstance(right, ast.Name):
            left, right, compare = right, left, MIRRORED.get(compare, compare)
        value = _literal(right)
        return COMPARE[compare](self.field(left, [value]), value) & self.present(left)

    def field(self, node: ast.expr, values: Sequence[float | str]) -> pc.Expression:
        """Read the name of a column, and note what it is compared with."""
        if not isinstance(node, ast.Name):
            raise ValueError(node)
        kinds = {pa.string() if isinstance(value, str) else pa.float64() for value in values}
        if {self.types.setdefault(node.id, next(iter(kinds)))} != kinds:
            raise ValueError(node.id)
        self.wide.update({node.id: value for value in values if isinstance(value, int) and abs(value) > FLOAT64_WHOLE})
        return pc.field(node.id)

    def present(self, node: ast.expr) -> pc.Expression:
        """Tell of a column that was read whether it has a value that can be compared."""
        if not isinstance(node, ast.Name):
            raise ValueError(node)
        field = pc.field(node.id)
        return field != "" if self.types[node.id] == pa.string() else ~pc.is_nan(field)


def _require_few(tree: ast.expr) -> None:
    """Refuse more comparisons than PyArrow can evaluate; an ``in`` is one, however long its list."""
    count = sum(len(node.ops) for node in ast.walk(tree) if isinstance(node, ast.Compare))
    if count > MOST_COMPARISONS:
        raise SettingError(f"the filter has {count} comparisons, of which it may have {MOST_COMPARISONS}: "
                           "`column in (1, 2, ...)` is one of them")


def _joined(conditions: Sequence[pc.Expression], all_of: bool) -> pc.Expression:
    """Join by halves, which keeps the expression flat: PyArrow goes down it by recursion."""
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    join = operator.and_ if all_of else operator.or_
    return join(_joined(conditions[:middle], all_of), _joined(conditions[middle:], all_of))


def _is_in(field: pc.Expression, values: Sequence[float | str]) -> pc.Expression:
    """Look a column up among literals of one kind; whole numbers by themselves, since as float64 they may be others."""
    if isinstance(values[0], str):
        return field.cast(pa.string()).isin(pa.array(values, pa.string()))
    whole = [int(value) for value in values if _is_whole(value)]
    other = [value for value in values if not _is_whole(value)]
    parts = [field.isin(pa.array(part, kind)) for part, kind in ((whole, pa.int64()), (other, pa.float64())) if part]
    return _joined(parts, False)


def _is_whole(value: float | str) -> bool:
    """Tell whether a number is a whole one of 64 bits."""
    return isinstance(value, int) or isinstance(value, float) and value.is_integer() and abs(value) < FLOAT64_WHOLE


def _literal(node: ast.expr) -> float | str:
    """Read a number or a text."""
    value = ast.literal_eval(node)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(value)
    if isinstance(value, int) and not -2**63 <= value < 2**63:
        raise SettingError(f"the filter's whole number {value} is too large: it must lie from -2^63 to 2^63 - 1")
    return value
