"""The one list of probes: paths that platforms request to check the health of the service."""

from __future__ import annotations

from collections.abc import Iterable

METRICS_PATH = "/metrics"


class Probes:
    """Tells probes from other requests, by exact path."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = frozenset(paths)
        # how the requests begin, for the worker, which sees bytes
        self.requests = tuple(f"{method} {path} ".encode() for path in sorted(self.paths) for method in ("GET", "HEAD"))

    def __contains__(self, path: object) -> bool:
        return path in self.paths

    def is_unlogged(self, path: str) -> bool:
        """Whether successful requests for a path stay out of access log and traces: probes and scrapes."""
        return path in self.paths or path == METRICS_PATH
