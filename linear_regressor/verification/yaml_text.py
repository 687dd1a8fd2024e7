"""Parse the YAML that people write, strictly: no key twice, and no aliases that multiply a small text."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from linear_regressor.errors import ArtefactError

if TYPE_CHECKING:
    from yaml import Node

MERGE = "tag:yaml.org,2002:merge"
# More than any person repeats; a text without aliases has as many values as it says, and no limit here.
MOST_REPEATED = 1_000_000


def parse(content: bytes) -> Any:
    """Parse plain values; raise ``ArtefactError`` with the reason and the line."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
        """Rejects a key that a mapping has twice, of which PyYAML keeps the last one."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            """Build a mapping; 1 and 1.0 are one key."""
            seen = set()
            for key_node, _ in node.value:
                if key_node.tag == MERGE:  # whose keys may be given anew
                    continue
                key = self.construct_object(key_node, deep=True)
                if isinstance(key, Hashable):  # else PyYAML rejects it
                    if key in seen:
                        raise ArtefactError(f"line {key_node.start_mark.line + 1} has the key {str(key)[:100]!r} again")
                    seen.add(key)
            built: dict[Hashable, Any] = super().construct_mapping(node, deep)
            return built

    try:
        loader = Loader(content.decode("utf-8"))
        try:
            node = loader.get_single_node()
            return None if node is None else loader.construct_document(_checked(node))
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ArtefactError(f"it is not YAML ({' '.join(str(error).split())[:200]})") from None
    except (TypeError, ValueError, RecursionError) as error:  # also text that is not UTF-8
        raise ArtefactError(str(error)) from None


def _checked(node: Node) -> Node:
    """Reject a small text that stands for very many values."""
    known: dict[int, int] = {}
    if _values(node, known) - len(known) > MOST_REPEATED:
        raise ArtefactError(f"its aliases repeat more than {MOST_REPEATED:,} values")
    return node


def _values(node: Node, known: dict[int, int]) -> int:
    """Count the values below a node, with those that an alias repeats; a node inside itself counts once."""
    if id(node) not in known:
        known[id(node)] = 1
        children = node.value if isinstance(node.value, list) else []
        known[id(node)] += sum(_values(each, known) for child in children
                               for each in (child if isinstance(child, tuple) else (child,)))
    return known[id(node)]
