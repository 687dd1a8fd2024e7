"""Which request needs which scope: the one table of it."""

from __future__ import annotations

import re

SCOPES = ("predict", "feedback", "admin")

# Open to everybody, to read. Spelled out, without a prefix that something else could hide behind: the path is compared
# as Flask gets it, so one that Flask would still put right (//ping) is not open.
_OPEN = re.compile(r"/|/ping|/health/(live|ready)|/docs|/openapi\.json|/metrics"
                   r"|/assets(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*){1,4}")

# The first prefix that fits decides; what is in no line needs the last scope, known or not.
_BY_PREFIX = (("/admin", "admin"), ("/v1/admin", "admin"), ("/feedback", "feedback"), ("/v1/feedback", "feedback"))
_ELSE = "predict"


def scope_of(method: str, path: str) -> str | None:
    """Tell which scope a request needs."""
    if method in ("GET", "HEAD") and _OPEN.fullmatch(path):
        return None
    for prefix, scope in _BY_PREFIX:
        if path.startswith(prefix):
            return scope
    return _ELSE
