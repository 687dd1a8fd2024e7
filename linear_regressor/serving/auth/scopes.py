"""``Scopes``: the one table of which request needs which scope."""

from __future__ import annotations

import re
from collections.abc import Iterable

SCOPES = ("predict", "feedback", "admin")

# The first prefix that fits decides. These are reserved: no contract can give them another scope.
_RESERVED = (("/admin", "admin"), ("/v1/admin", "admin"), ("/feedback", "feedback"), ("/v1/feedback", "feedback"),
             ("/monitoring", "admin"), ("/v1/monitoring", "admin"))
# Whatever no line of the table names needs this scope, whether the route exists or not.
_DEFAULT = "predict"
# A variable part of an open route: no slash, and dots only between other characters, so that "." and ".." never match.
_SEGMENT = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"


class Scopes:
    """Matches open routes in full against the path as Flask gets it, so that nothing can hide behind a prefix."""

    def __init__(self, open_routes: Iterable[str], prefixes: Iterable[tuple[str, str]] = ()) -> None:
        routes = set(open_routes)
        self._open_paths = frozenset(route for route in routes if "<" not in route)
        self._open_templates = re.compile("|".join(map(_pattern, sorted(routes - self._open_paths))) or "(?!)")
        self._prefixes = (*_RESERVED, *prefixes)

    def required(self, method: str, path: str) -> str | None:
        """Return the scope that a request needs, or None if it is open to everybody."""
        if method in ("GET", "HEAD") and (path in self._open_paths or self._open_templates.fullmatch(path)):
            return None
        routed = "/" + path.lstrip("/")  # as Werkzeug does before it looks for the route
        return next((scope for prefix, scope in self._prefixes if routed.startswith(prefix)), _DEFAULT)


def _pattern(route: str) -> str:
    """Translate a route template, such as ``/assets/<digest>-<name>``."""
    return _SEGMENT.join(map(re.escape, re.split(r"<\w+>", route)))
