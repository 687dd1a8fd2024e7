"""Find what the columns of a filter are compared with."""

from __future__ import annotations

from collections.abc import Iterator

from linear_regressor.errors import SettingError
from linear_regressor.filters.nodes import ARITHMETIC, COMPARISONS, Column, Kind, Literal, Node, Operation, walk

Kinds = dict[str, Kind | None]


def kinds_of(root: Node) -> Kinds:
    """Return what each column must be, in order of appearance; None if the filter does not say it."""
    kinds: Kinds = {node.name: None for node in walk(root) if isinstance(node, Column)}
    groups = []
    for kind, nodes in _uses(root):
        columns = [node for node in nodes if isinstance(node, Column)]
        groups.append([node.name for node in columns])
        found = [*([] if kind is None else [kind]), *(kind for kind in map(_kind, nodes) if kind is not None)]
        for column in columns:
            for each in [*found, *([] if column.cast is None else [column.cast])]:
                _record(kinds, column.name, each)
        if not columns and len(different := list(dict.fromkeys(found))) > 1:
            raise SettingError(f"the filter compares {different[0].value} with {different[1].value}")
    for _ in groups:  # what a column is compared with elsewhere says what the other one is
        if not [None for names in groups if _share(kinds, names)]:
            break
    return kinds


def compared_together(root: Node) -> set[str]:
    """Return the names of the columns that are compared with other columns."""
    return {node.name for _, nodes in _uses(root) if sum(isinstance(node, Column) for node in nodes) > 1
            for node in nodes if isinstance(node, Column)}


def _uses(root: Node) -> Iterator[tuple[Kind | None, tuple[Node, ...]]]:
    """Generate groups of operands that must be of one kind, with the kind if the operator determines it."""
    yield Kind.TRUTH, (root,)
    for node in walk(root):
        if not isinstance(node, Operation) or node.symbol in ("IS NULL", "IS NOT NULL"):
            continue
        if node.symbol in COMPARISONS:
            yield Kind.TEXT if node.symbol in ("LIKE", "NOT LIKE") else None, node.operands
        else:
            yield Kind.NUMBER if node.symbol in ARITHMETIC else Kind.TRUTH, node.operands


def _kind(node: Node) -> Kind | None:
    """Return what an operand is, whatever it is compared with; None for a column and for null."""
    if isinstance(node, Column):
        return node.cast
    if isinstance(node, Literal):
        return node.kind
    return Kind.NUMBER if node.symbol in ARITHMETIC else Kind.TRUTH


def _record(kinds: Kinds, name: str, kind: Kind) -> None:
    """Record what a column is, and reject another use."""
    known = kinds[name]
    if known is not None and known is not kind:
        raise SettingError(f"the filter uses column {name!r} as {known.value} and as {kind.value}")
    kinds[name] = kind


def _share(kinds: Kinds, names: list[str]) -> bool:
    """Give columns that are compared with each other the same kind; returns whether that changed one."""
    known = [kinds[name] for name in names if kinds[name] is not None]
    if not known or len(known) == len(names) and len(set(known)) == 1:
        return False
    for name in names:
        _record(kinds, name, known[0])  # type: ignore[arg-type]  # None is left out above
    return True
