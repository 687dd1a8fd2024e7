"""``Where``: which rows to take, in one line of text such as ``age > 30 and sex == "f"``."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linear_regressor.errors import SettingError

COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge}
MIRRORED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
FORM = "comparisons of a column with a number or a text (==, !=, <, <=, >, >=, in), joined by and, or, not"


@dataclass(frozen=True)
class Where:
    """A filter of rows.

    A comparison with a missing value is never true.

    Parameters
    ----------
    expression : pyarrow.compute.Expression
        What PyArrow evaluates.
    types : dict
        The columns it looks at, each with the type of what it is compared with: float64 or string.

    Examples
    --------
    >>> where = Where.of('age > 30 and (sex == "f" or not ward in (3, 4))')
    >>> {name: str(type) for name, type in where.types.items()}
    {'age': 'double', 'sex': 'string', 'ward': 'double'}
    >>> pa.table({"age": [31, 29], "sex": ["f", "f"], "ward": [1, 1]}).filter(where.expression)["age"].to_pylist()
    [31]
    """

    expression: pc.Expression
    types: dict[str, pa.DataType]

    @classmethod
    def of(cls, text: str) -> Where:
        """Read a filter.

        Parameters
        ----------
        text : str
            Comparisons of a column with a number or a text, joined by ``and``, ``or``, ``not`` and parentheses. The
            column's name must be a plain word.

        Returns
        -------
        Where

        Raises
        ------
        SettingError
            If it is anything else, or compares a column with numbers and with texts.
        """
        types: dict[str, pa.DataType] = {}
        try:
            return cls(_condition(ast.parse(text.strip(), mode="eval").body, types), types)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise SettingError(f"the filter {text!r} must be {FORM}") from None


# Each of these reads a part of the text as Python has it; whatever is no simple filter is a ValueError.

def _condition(node: ast.expr, types: dict[str, pa.DataType]) -> pc.Expression:
    """Read something that is true or false of a row."""
    if isinstance(node, ast.BoolOp):
        join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        return reduce(join, [_condition(value, types) for value in node.values])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ~_condition(node.operand, types)
    if not isinstance(node, ast.Compare):
        raise ValueError(node)
    sides = [node.left, *node.comparators]
    return reduce(operator.and_, [_comparison(left, compare, right, types)
                                  for left, compare, right in zip(sides, node.ops, sides[1:], strict=False)])


def _comparison(left: ast.expr, compare: ast.cmpop, right: ast.expr, types: dict[str, pa.DataType]) -> pc.Expression:
    """Read one comparison of a column, on either side, with a literal on the other, or with several."""
    if isinstance(compare, (ast.In, ast.NotIn)) and isinstance(right, (ast.Tuple, ast.List)) and right.elts:
        each, join = (ast.Eq(), operator.or_) if isinstance(compare, ast.In) else (ast.NotEq(), operator.and_)
        return reduce(join, [_comparison(left, each, element, types) for element in right.elts])
    if type(compare) not in COMPARE:
        raise ValueError(compare)
    if isinstance(right, ast.Name):
        left, right, compare = right, left, MIRRORED.get(type(compare), type(compare))()
    if not isinstance(left, ast.Name):
        raise ValueError(left)
    value = _literal(right)
    kind = pa.string() if isinstance(value, str) else pa.float64()
    if types.setdefault(left.id, kind) != kind:
        raise ValueError(left.id)
    return COMPARE[type(compare)](pc.field(left.id), value)


def _literal(node: ast.expr) -> float | str:
    """Read a number or a text."""
    value = ast.literal_eval(node)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(value)
    return value
