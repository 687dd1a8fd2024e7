"""Translate filters of earlier versions, such as ``age > 30 and sex == "f"``, to SQL."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from functools import lru_cache

from linear_regressor.errors import SettingError
from linear_regressor.filters import syntax
from linear_regressor.filters.nodes import Column

COMPARE: dict[type[ast.cmpop], str] = {ast.Eq: "=", ast.NotEq: "<>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">",
                                       ast.GtE: ">=", ast.In: "in", ast.NotIn: "not in"}


def translated(text: str) -> str | None:
    """Return a filter of the earlier language as SQL; None if it is not such a filter."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of Python, about 1and
            tree = ast.parse(text.strip(), mode="eval").body
        return _condition(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def as_sql(recorded: str) -> str:
    """Return the filter of a model's card as SQL; a column in double quotes would be text in the earlier language."""
    old = translated(recorded)
    if old is None:
        return recorded
    if "==" in syntax.bare(recorded) or any(part.startswith('"') for part in syntax.HIDDEN.findall(recorded)):
        return old
    try:
        syntax.parse(recorded)
    except SettingError:
        return old
    return recorded


def _condition(node: ast.expr) -> str:
    """Translate a condition."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return f"not {_inner(node.operand)}"
    if isinstance(node, ast.BoolOp):
        return (" and " if isinstance(node.op, ast.And) else " or ").join(map(_inner, node.values))
    if not isinstance(node, ast.Compare):
        raise ValueError(node)
    sides = [node.left, *node.comparators]
    return " and ".join(_comparison(left, COMPARE[type(compare)] if type(compare) in COMPARE else "", right)
                        for left, compare, right in zip(sides, node.ops, sides[1:], strict=False))


def _inner(node: ast.expr) -> str:
    """Translate a part of a condition, in parentheses unless it is one comparison."""
    text = _condition(node)
    return text if isinstance(node, ast.Compare) and len(node.ops) == 1 else f"({text})"


def _comparison(left: ast.expr, compare: str, right: ast.expr) -> str:
    """Translate a comparison of a column, on either side, with one literal or several."""
    if not compare or isinstance(left, ast.Name) is isinstance(right, ast.Name):
        raise ValueError(compare)
    if compare in ("in", "not in"):
        elements: Sequence[ast.expr] = getattr(right, "elts", [right])
        if not elements or not isinstance(left, ast.Name):
            raise ValueError(compare)
        return f"{_name(left.id)} {compare} ({', '.join(map(_literal, elements))})"
    return f"{_side(left)} {compare} {_side(right)}"


def _side(node: ast.expr) -> str:
    """Translate a side of a comparison."""
    return _name(node.id) if isinstance(node, ast.Name) else _literal(node)


@lru_cache(256)
def _name(name: str) -> str:
    """Return the name of a column, in double quotes if SQL reads it as another word."""
    try:
        return name if syntax.parse(name) == (Column(name), frozenset()) else f'"{name}"'
    except SettingError:
        return f'"{name}"'


def _literal(node: ast.expr) -> str:
    """Translate a number or text."""
    value = ast.literal_eval(node)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(value)
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
