"""``RowFilter``: which rows to take, from text such as ``age > 30 and sex == "f"``."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from linear_regressor.errors import SettingError

if TYPE_CHECKING:
    from pyarrow.compute import Expression

COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge}
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In}
MIRRORED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
FORM = ("comparisons of a column with a number or a string (==, !=, <, <=, >, >=, in, not in), joined by and, or, not; "
        "column names must be identifiers")
# PyArrow evaluates an expression recursively, and crashes at a depth of several thousand.
MOST_COMPARISONS = 1000
# float64 represents every integer only up to here.
FLOAT64_WHOLE = 2**53


@dataclass(frozen=True)
class RowFilter:
    """A filter whose comparisons with missing values are never true, also under ``not``.

    NaN and empty strings count as missing, because CSV cannot distinguish them from missing values.
    """

    # the filter as a PyArrow expression
    expression: Expression
    # type of the values that each column is compared with: float64 or string
    types: dict[str, pa.DataType]
    # for each column that is compared with an integer beyond 2**53, which float64 may not represent, the last of them
    wide: dict[str, int]

    @classmethod
    def of(cls, text: str) -> RowFilter:
        """Parse a filter."""
        parser = _Parser({}, {})
        try:
            tree = ast.parse(text.strip(), mode="eval").body
            _require_few(tree)
            return cls(parser.condition(tree, True), parser.types, parser.wide)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise SettingError(f"the filter {text!r} must be {FORM}") from None


# Anything but a simple filter raises ValueError below. ``not`` is pushed down to the comparisons: negating a result
# would make a comparison with a missing value true. PyArrow skips row groups by statistics that ignore NaN, which is
# then correct too.

@dataclass(frozen=True)
class _Parser:
    """Converts a Python syntax tree to an expression and collects the columns in it."""

    types: dict[str, pa.DataType]
    wide: dict[str, int]

    def condition(self, node: ast.expr, expected: bool) -> Expression:
        """Convert a condition, or its negation where false is expected."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.condition(node.operand, not expected)
        if isinstance(node, ast.BoolOp):
            return _joined([self.condition(value, expected) for value in node.values],
                           isinstance(node.op, ast.And) is expected)
        if not isinstance(node, ast.Compare):
            raise ValueError(node)
        sides = [node.left, *node.comparators]
        return _joined([self.comparison(left, type(compare) if expected else OPPOSITE.get(type(compare), ast.Is), right)
                        for left, compare, right in zip(sides, node.ops, sides[1:], strict=False)], expected)

    def comparison(self, left: ast.expr, compare: type[ast.cmpop], right: ast.expr) -> Expression:
        """Convert a comparison of a column, on either side, with one literal or several."""
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

    def field(self, node: ast.expr, values: Sequence[float | str]) -> Expression:
        """Convert the name of a column, and record the type of the values that it is compared with."""
        if not isinstance(node, ast.Name):
            raise ValueError(node)
        kinds = {pa.string() if isinstance(value, str) else pa.float64() for value in values}
        if {self.types.setdefault(node.id, next(iter(kinds)))} != kinds:
            raise ValueError(node.id)
        self.wide.update({node.id: value for value in values if isinstance(value, int) and abs(value) > FLOAT64_WHOLE})
        return _field(node.id)

    def present(self, node: ast.expr) -> Expression:
        """Return the condition that a known column has a value."""
        if not isinstance(node, ast.Name):
            raise ValueError(node)
        field = _field(node.id)
        return field != "" if self.types[node.id] == pa.string() else ~field.is_nan()


def _field(name: str) -> Expression:
    """Return a column as an expression."""
    from pyarrow.compute import field  # takes longer to import than a small file to read

    return field(name)


def _require_few(tree: ast.expr) -> None:
    """Reject more comparisons than PyArrow can evaluate; an ``in`` is one, however long its list."""
    count = sum(len(node.ops) for node in ast.walk(tree) if isinstance(node, ast.Compare))
    if count > MOST_COMPARISONS:
        raise SettingError(f"the filter has {count} comparisons; at most {MOST_COMPARISONS} are allowed, and "
                           "`column in (1, 2, ...)` counts as one")


def _joined(conditions: Sequence[Expression], all_of: bool) -> Expression:
    """Join conditions as a balanced tree, because PyArrow evaluates it recursively."""
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    join = operator.and_ if all_of else operator.or_
    return join(_joined(conditions[:middle], all_of), _joined(conditions[middle:], all_of))


def _is_in(field: Expression, values: Sequence[float | str]) -> Expression:
    """Compare a column with several literals; integers stay integers, because float64 may not represent them."""
    if isinstance(values[0], str):
        return field.cast(pa.string()).isin(pa.array(values, pa.string()))
    whole = [int(value) for value in values if _is_whole(value)]
    other = [value for value in values if not _is_whole(value)]
    parts = [field.isin(pa.array(part, kind)) for part, kind in ((whole, pa.int64()), (other, pa.float64())) if part]
    return _joined(parts, False)


def _is_whole(value: float | str) -> bool:
    """Whether a number is a 64-bit integer."""
    return isinstance(value, int) or isinstance(value, float) and value.is_integer() and abs(value) < FLOAT64_WHOLE


def _literal(node: ast.expr) -> float | str:
    """Return a number or a string."""
    value = ast.literal_eval(node)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(value)
    if isinstance(value, int) and not -2**63 <= value < 2**63:
        raise SettingError(f"the integer {value} in the filter must be from -2^63 to 2^63 - 1")
    return value
