"""Parse a filter: DuckDB makes the syntax tree, and only what is listed here is taken from it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from linear_regressor.errors import SettingError
from linear_regressor.filters import database
from linear_regressor.filters.nodes import COMPARISONS, Column, Kind, Literal, Node, Operation

MOST_CHARACTERS = 300_000
MOST_COMPARISONS = 1000
# Characters of a pattern: the time to compare it is that times the length of the text.
MOST_PATTERN = 1000
# How often columns may be named.
MOST_COLUMNS = 3 * MOST_COMPARISONS
MOST_NESTED = 100
# Characters of a filter in an error.
MOST_SHOWN = 200
FORM = ("comparisons (=, <>, <, <=, >, >=, between, in, like, is null) of columns, arithmetic, numbers, 'text', true, "
        "false, DATE '2026-01-31' and TIMESTAMP '2026-01-31 12:00:00', joined by and, or, not")

# What stands before the text of the filter; positions in the tree count its bytes.
START = "SELECT ("
COMPARE = {"COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
           "COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=",
           "COMPARE_DISTINCT_FROM": "IS DISTINCT FROM", "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM"}
OPERATORS = {"OPERATOR_NOT": "NOT", "OPERATOR_IS_NULL": "IS NULL", "OPERATOR_IS_NOT_NULL": "IS NOT NULL",
             "COMPARE_IN": "IN", "CONJUNCTION_AND": "AND", "CONJUNCTION_OR": "OR"}
# What people write for operators that are not allowed.
WRITTEN = {"~~*": "ilike", "!~~*": "not ilike", "like_escape": "escape", "not_like_escape": "escape"}
# Words of SQL that stand before the name of a column or after it.
WORDS = {"and", "or", "not", "in", "is", "like", "between", "null"}
LOGIC = {"&&": "and", "||": "or"}
FUNCTIONS = {"+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "~~": "LIKE", "!~~": "NOT LIKE"}
CASTS = {"DOUBLE": Kind.NUMBER, "VARCHAR": Kind.TEXT, "TEXT": Kind.TEXT, "DATE": Kind.TIME, "TIMESTAMP": Kind.TIME,
         "TIMESTAMPTZ": Kind.TIME, "TIMESTAMP WITH TIME ZONE": Kind.TIME, "BOOLEAN": Kind.TRUTH}
SPELLED = {"INTEGER": Kind.NUMBER, "NUMERIC": Kind.NUMBER, "STRING": Kind.TEXT}
# Python's parser of ISO 8601 also takes other forms, such as weeks.
ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?( ?(Z|[+-]\d\d(:?\d\d)?))?)?", re.ASCII)
NANOSECONDS = 1000
# Text in quotes and comments.
HIDDEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


def parse(text: str) -> tuple[Node, frozenset[str]]:
    """Return the expression of a filter, and the names that stand in double quotes."""
    if len(text) > MOST_CHARACTERS:
        raise SettingError(f"the filter has {len(text):,} characters; at most {MOST_CHARACTERS:,} are allowed")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise SettingError(f"the filter {text[:MOST_SHOWN]!r} has a character that is not allowed")
    if not bare(text).strip():
        raise invalid(text, "it is empty")
    if not _is_closed(text):
        raise invalid(text, "a parenthesis is not closed, or not opened")
    if found := re.search(r"&&|\|\|", bare(text)):
        raise invalid(text, f"write {LOGIC[found[0]]!r} for {found[0]!r}")
    reader = _Reader(text)
    try:
        tree = _tree(text)
        return reader.node(tree, 0), frozenset(reader.quoted)
    except RecursionError:
        raise _too_deep() from None


def bare(text: str) -> str:
    """Return the text of a filter without what is in quotes or in comments."""
    return HIDDEN.sub(" ", text)


def _is_closed(text: str) -> bool:
    """Whether every parenthesis of a filter is closed, so that it can stand in parentheses."""
    depth = 0
    for character in re.findall(r"[()]", bare(text)):
        depth += 1 if character == "(" else -1
        if depth < 0:
            return False
    return depth == 0


def _too_deep() -> SettingError:
    """Return the error of a filter that is nested too deeply."""
    return SettingError(f"the filter is nested more than {MOST_NESTED} levels deep")


def _tree(text: str) -> Any:
    """Parse the filter as the only column of a query; the newline ends a comment."""
    content = json.loads(database.serialized(f"{START}{text}\n)"))
    if content["error"]:
        message = content["error_message"]
        if "depth" in message:
            raise _too_deep()
        if "Chained" in message:
            raise invalid(text, "SQL does not chain comparisons: write `a < b and b < c`, or `b between a and c`")
        raise invalid(text, _place(text, content.get("position")))
    if len(content["statements"]) != 1 or len(content["statements"][0]["node"]["select_list"]) != 1:
        raise invalid(text, "it is more than one expression")
    return content["statements"][0]["node"]["select_list"][0]


def _place(text: str, position: str | None) -> str:
    """Describe where the filter cannot be parsed."""
    start = max(int(position or 0) - len(START), 0)
    before, rest = (part.decode(errors="replace") for part in (text.encode()[:start], text.encode()[start:].strip()))
    if not rest or position is None:
        return "it is incomplete"
    word = (re.match(r"\w+", rest) or re.match(r".", rest))[0]  # type: ignore[index]  # the rest is not empty
    first = re.search(r"(\w+)\s+$", before)
    whole = f"{first[1]} {word}" if first is not None and first[1].lower() not in WORDS else word
    name = f', or write "{whole}" if it is the name of a column' if word.isidentifier() else ""
    return f"it cannot be parsed from {word!r} on{name}"


def invalid(text: str, reason: str) -> SettingError:
    """Return the error of a filter that is not of the allowed form."""
    shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
    return SettingError(f"the filter {shown!r} is invalid: {reason}; a filter is SQL: {FORM}")


class _Reader:
    """Takes what is allowed from a syntax tree."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._bytes = (START + text).encode()
        self._comparisons, self._columns = 0, 0
        self.quoted: set[str] = set()

    def node(self, tree: Any, depth: int) -> Node:
        """Convert a syntax tree of DuckDB."""
        if depth > MOST_NESTED:
            raise _too_deep()
        converters: dict[str, Callable[[Any, int], Node]] = {
            "COLUMN_REF": self._column, "CONSTANT": self._literal, "CAST": self._cast}
        if tree["class"] in converters:
            return converters[tree["class"]](tree, depth)
        symbol, children = self._operation(tree)
        self._comparisons += symbol in COMPARISONS
        if self._comparisons > MOST_COMPARISONS:
            raise SettingError(f"the filter has more than {MOST_COMPARISONS} comparisons; `column in (1, 2, ...)` "
                               "counts as one")
        operands = tuple(self.node(child, depth + 1) for child in children)
        if symbol in ("LIKE", "NOT LIKE") and any(
                isinstance(each, Literal) and len(str(each.value)) > MOST_PATTERN for each in operands):
            raise SettingError(f"a pattern of the filter has more than {MOST_PATTERN} characters")
        return Operation(symbol, operands)

    def _operation(self, tree: Any) -> tuple[str, list[Any]]:
        """Return an operator and its operands."""
        if tree["class"] == "COMPARISON" and tree["type"] in COMPARE:
            return COMPARE[tree["type"]], [tree["left"], tree["right"]]
        if tree["class"] == "BETWEEN" and tree["type"] == "COMPARE_BETWEEN":
            return "BETWEEN", [tree["input"], tree["lower"], tree["upper"]]
        if tree["class"] in ("CONJUNCTION", "OPERATOR") and tree["type"] in OPERATORS:
            return OPERATORS[tree["type"]], tree["children"]
        if tree["class"] == "FUNCTION" and tree["is_operator"] and tree["function_name"] in FUNCTIONS:
            return FUNCTIONS[tree["function_name"]], [each["expression"] for each in tree["arguments"]]
        if tree["class"] == "FUNCTION" and tree["function_name"] == "contains":
            raise self._invalid("`in` takes a list in parentheses, such as ('a', 'b')")
        name = tree["function_name"] if tree["class"] == "FUNCTION" else tree["class"].lower()
        if name == "row":
            raise self._invalid("a comma is not allowed here; decimals have a point: 1.5")
        raise self._invalid(f"{WRITTEN.get(name, name)!r} is not allowed")

    def _column(self, tree: Any, depth: int) -> Column:
        """Convert the name of a column."""
        self._columns += 1
        if self._columns > MOST_COLUMNS:
            raise SettingError(f"the filter names columns more than {MOST_COLUMNS} times")
        name = ".".join(tree["column_names"])
        if len(tree["column_names"]) > 1:
            raise self._invalid(f'put a name with a dot in double quotes: "{name}"')
        if self._bytes[tree["query_location"]:][:1] == b'"':
            self.quoted.add(name)
        return Column(name)

    def _literal(self, tree: Any, depth: int) -> Literal:
        """Convert a constant."""
        kind, value = tree["literal"]["kind"], tree["literal"]["text"]
        if kind == "NULL_LITERAL":
            return Literal(None, None)
        if kind == "BOOLEAN":
            return Literal(Kind.TRUTH, value.lower() == "true")
        if kind not in SPELLED or kind != "STRING" and "_" in value:
            raise self._invalid(f"the literal {value!r} is not allowed")
        if kind == "STRING" and self._bytes[tree["query_location"]:][:1] != b"'":
            raise self._invalid("put text in single quotes")
        return Literal(SPELLED[kind], value)

    def _cast(self, tree: Any, depth: int) -> Node:
        """Convert a date or time, or the conversion of a column; `is true` also casts."""
        name, child = tree["type_expr"]["type_name"].upper(), tree["child"]
        kind = CASTS.get(name)
        if kind is None or tree["try_cast"] or tree["type_expr"]["children"]:
            raise self._invalid(f"a cast to {name.lower()!r} is not allowed; a column may be cast to double, text, "
                                "date, timestamp or boolean")
        if kind is Kind.TIME and child["class"] == "CONSTANT" and child["literal"]["kind"] == "STRING":
            return Literal(kind, self._nanoseconds(child["literal"]["text"], name))
        node = self.node(child, depth + 1)
        if isinstance(node, Column):
            return Column(node.name, kind)
        if kind is Kind.TRUTH:
            return node
        raise self._invalid("only a column may be cast")

    def _nanoseconds(self, text: str, name: str) -> int:
        """Convert a date or time to nanoseconds since 1970; without a zone it is UTC."""
        try:
            if not ISO.fullmatch(text) or name == "DATE" and len(text) > len("2026-01-31"):
                raise ValueError(text)
            time = datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
        except ValueError:
            raise self._invalid(f"{text!r} is not a {name.lower()}: write DATE '2026-01-31' or "
                                "TIMESTAMP '2026-01-31 12:00:00'") from None
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * NANOSECONDS

    def _invalid(self, reason: str) -> SettingError:
        """Return the error of this filter."""
        return invalid(self._text, reason)
