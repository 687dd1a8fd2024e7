"""``Plan``: a filter for columns of given types, as an SQL expression of our own making."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from math import isinf

import pyarrow as pa

from linear_regressor.errors import DataError, SettingError
from linear_regressor.filters.conversion import Use, kind_of, nanoseconds_in
from linear_regressor.filters.nodes import ARITHMETIC, COMPARISONS, Column, Kind, Literal, Node, Operation, walk
from linear_regressor.formats.value_types import FLOAT64_WHOLE

# Digits of DuckDB's widest decimal.
MOST_DIGITS = 38
REMEDIES = {Kind.NUMBER: "cast({name} as double)", Kind.TIME: "cast({name} as timestamp)",
            Kind.TRUTH: "cast({name} as boolean)"}
CONSTANTS = {None: "CAST(NULL AS BOOLEAN)", True: "TRUE", False: "FALSE"}


@dataclass
class Plan:
    """Columns by name and use, which are c0, c1, ... of an expression."""

    # types of the columns in the file
    types: dict[str, pa.DataType]
    # what the filter says that they are
    kinds: dict[str, Kind | None]
    # whether the file has types: then its text is text, unless the filter casts it
    typed: bool
    file: str
    # names of the columns that are compared with other columns
    together: set[str]
    columns: dict[tuple[str, Use], str] = field(default_factory=dict)

    def expression(self, node: Node) -> str:
        """Convert a condition."""
        if isinstance(node, Column):
            self._column_use(node)
            return self._column(node, Use.TRUTH)
        if isinstance(node, Literal):
            return CONSTANTS[node.value]
        if node.symbol in ("IS NULL", "IS NOT NULL"):
            return self._missing(node)
        if node.symbol in COMPARISONS:
            return self._comparison(node)
        parts = [self.expression(operand) for operand in node.operands]
        return f"(NOT {parts[0]})" if node.symbol == "NOT" else f"({f' {node.symbol} '.join(parts)})"

    def _missing(self, node: Operation) -> str:
        """Convert a test for a missing value."""
        (operand,) = node.operands
        if isinstance(operand, Column) and operand.cast is None:
            name = self._place(operand.name, Use.MISSING)
            return f"(NOT {name})" if node.symbol == "IS NOT NULL" else name
        use = self._use((operand,))
        return f"({self._operand(operand, use)} {node.symbol})"

    def _comparison(self, node: Operation) -> str:
        """Convert a comparison; all its operands are of one kind."""
        use = self._use(node.operands)
        first, *others = [self._operand(operand, use) for operand in node.operands]
        if node.symbol == "IN":
            return f"({first} IN ({', '.join(others)}))"
        if node.symbol == "BETWEEN":
            return f"({first} BETWEEN {others[0]} AND {others[1]})"
        return f"({first} {node.symbol} {others[0]})"

    def _use(self, nodes: tuple[Node, ...]) -> Use:
        """Decide how operands are compared; whole numbers and decimals exactly, and others as float64."""
        uses = {use for node in nodes if (use := self._own_use(node)) is not None}
        if uses <= {Use.EXACT, Use.FLOAT}:
            if Use.FLOAT not in uses:
                return Use.EXACT
            self._require_represented([each for node in nodes for each in walk(node)])
            return Use.FLOAT
        if len(uses) > 1:
            columns = [node.name for node in nodes if isinstance(node, Column)]
            raise DataError(f"{self.file}: the filter compares values of different types: " + ", ".join(
                f"{name!r} is {self.types[name]}" for name in columns))
        return uses.pop()

    def _require_represented(self, nodes: list[Node]) -> None:
        """Reject an integer that float64 does not represent, because others next to it are read as the same number."""
        for node in nodes:
            if isinstance(node, Literal) and _is_whole(node) and abs(Decimal(str(node.value))) > FLOAT64_WHOLE:
                names = [each.name for each in nodes if isinstance(each, Column) and self._own_use(each) is Use.FLOAT]
                start = f"compares {names[0]!r} with" if names else "computes with"
                where = f"but {self.file} is read as float64" if names else "and this as float64"
                raise SettingError(f"the filter {start} {_shown(str(node.value))}, {where}, which represents every "
                                   "integer only up to 2^53")

    def _own_use(self, node: Node) -> Use | None:
        """Return how an operand is read on its own; None if that depends on the others."""
        if isinstance(node, Column):
            return self._column_use(node)
        if isinstance(node, Literal):
            return {None: None, Kind.NUMBER: None, Kind.TEXT: Use.TEXT, Kind.TIME: Use.TIME,
                    Kind.TRUTH: Use.TRUTH}[node.kind]
        if node.symbol in ARITHMETIC:
            return Use.EXACT if self._is_whole(node) else Use.FLOAT
        return Use.TRUTH

    def _column_use(self, node: Column) -> Use | None:
        """Return how a column is read."""
        name, kind = node.name, self.types[node.name]
        own, wanted = kind_of(kind), self.kinds[name]
        if pa.types.is_null(kind):
            return None if wanted in (None, Kind.NUMBER) else Use(wanted.name)
        if own is Kind.TEXT and wanted is not Kind.TEXT and (node.cast is not None or not self.typed):
            own = wanted or (Kind.NUMBER if name in self.together else Kind.TEXT)
            return Use.FLOAT if own is Kind.NUMBER else Use(own.name)
        if own is None:
            raise DataError(f"{self.file}: column {name!r} is {kind}, which a filter can only test with `is null`")
        if wanted is not None and wanted is not own:
            raise self._mismatch(name, own, wanted)
        if own is not Kind.NUMBER:
            return Use(own.name)
        return Use.FLOAT if pa.types.is_floating(kind) else Use.EXACT

    def _mismatch(self, name: str, own: Kind, wanted: Kind) -> DataError:
        """Return the error of a column that is compared with a value of another kind."""
        remedy = f"compare it with {own.value}"
        if own is Kind.TEXT and wanted in REMEDIES:
            quoted = '"' + name.replace('"', '""') + '"'
            remedy = f"compare it with text in single quotes, or write {REMEDIES[wanted].format(name=quoted)}"
        if own is Kind.TIME:
            remedy = "write DATE '2026-01-31' or TIMESTAMP '2026-01-31 12:00:00'"
        return DataError(f"{self.file}: column {name!r} is {self.types[name]}, which the filter cannot compare with "
                         f"{wanted.value}: {remedy}")

    def _is_whole(self, node: Node) -> bool:
        """Whether arithmetic has only integers and no division."""
        operations = [each.symbol for each in walk(node) if isinstance(each, Operation)]
        columns = [each for each in walk(node) if isinstance(each, Column)]
        literals = [each for each in walk(node) if isinstance(each, Literal)]
        return ("/" not in operations and all(pa.types.is_integer(self.types[each.name]) for each in columns)
                and all(map(_is_whole, literals)))

    def _operand(self, node: Node, use: Use) -> str:
        """Convert a value of a comparison."""
        if isinstance(node, Column):
            return self._column(node, use)
        if isinstance(node, Literal):
            return self._literal(node, use)
        if node.symbol not in ARITHMETIC:
            return self.expression(node)
        own = self._arithmetic(node, use)
        return f"(CASE WHEN isnan({own}) THEN NULL ELSE {own} END)" if use is Use.FLOAT else own

    def _arithmetic(self, node: Node, use: Use) -> str:
        """Convert arithmetic; division by zero gives a missing value."""
        if not isinstance(node, Operation):
            value = self._operand(node, use)
            return value if use is Use.FLOAT else f"CAST({value} AS HUGEINT)"
        parts = [self._arithmetic(operand, use) for operand in node.operands]
        if len(parts) == 1:
            return f"({node.symbol} {parts[0]})"
        if node.symbol in ("/", "%"):
            parts[1] = f"NULLIF({parts[1]}, 0)"
        return f"({parts[0]} {node.symbol} {parts[1]})"

    def _column(self, node: Column, use: Use) -> str:
        """Convert a column; NaN is missing."""
        name = self._place(node.name, use)
        if use is Use.FLOAT:
            return f"(CASE WHEN isnan({name}) THEN NULL ELSE {name} END)"
        if use is Use.TIME:
            return f"(CAST({name} AS HUGEINT) * {nanoseconds_in(self.types[node.name])})"
        return name

    def _place(self, name: str, use: Use) -> str:
        """Return the name of a column in the expression."""
        return self.columns.setdefault((name, use), f"c{len(self.columns)}")

    def _literal(self, node: Literal, use: Use) -> str:
        """Convert a literal."""
        if node.value is None or node.kind is Kind.TRUTH:
            return "NULL" if node.value is None else CONSTANTS[node.value]
        if node.kind is Kind.TEXT:
            return "'" + str(node.value).replace("'", "''") + "'"
        if node.kind is Kind.TIME:
            return f"CAST({node.value} AS HUGEINT)"
        return self._float(node.value) if use is Use.FLOAT else exact(node.value)

    def _float(self, text: str) -> str:
        """Convert a number to float64."""
        value = float(text)
        if isinf(value):
            raise SettingError(f"the number {_shown(text)} in the filter is beyond the range of float64")
        return f"CAST('{value!r}' AS DOUBLE)"


def _is_whole(literal: Literal) -> bool:
    """Whether a literal is written as an integer."""
    return str(literal.value).lstrip("+-").isdigit()


def exact(text: str) -> str:
    """Convert a number to an integer or decimal."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise SettingError(f"the number {_shown(text)} in the filter has too large an exponent") from None
    if value.adjusted() > MOST_DIGITS or value.adjusted() < -MOST_DIGITS:
        raise SettingError(f"the number {_shown(text)} in the filter cannot be compared exactly with integers or "
                           "decimals")
    if value == value.to_integral_value():
        if not -2**63 <= value < 2**64:
            raise SettingError(f"the integer {_shown(text)} in the filter must be from -2^63 to 2^64 - 1")
        return str(int(value))
    plain = f"{value:f}"
    if sum(map(str.isdigit, plain)) > MOST_DIGITS:
        raise SettingError(f"the number {_shown(text)} in the filter has more than {MOST_DIGITS} digits")
    return plain


def _shown(number: str) -> str:
    """Cut a long number."""
    return number if len(number) <= MOST_DIGITS else f"{number[:MOST_DIGITS]}..."
