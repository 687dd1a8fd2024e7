"""The one list of probes: paths that platforms request to learn whether the service is well."""

from __future__ import annotations

from collections.abc import Iterable

METRICS_PATH = "/metrics"
HEALTH_PATHS = ("/ping", "/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready")


class Probes:
    """Tells probes from other requests, by path."""

    def __init__(self, further_paths: Iterable[str] = ()) -> None:
        self.paths = frozenset((*HEALTH_PATHS, *further_paths))
        # how the requests begin, for the worker, which sees bytes
        self.requests = tuple(f"GET {path} ".encode() for path in sorted(self.paths))

    def __contains__(self, path: object) -> bool:
        return path in self.paths

    def is_unlogged(self, path: str) -> bool:
        """Whether successful requests for a path stay out of access log and traces: probes and scrapes."""
        return path in self.paths or path == METRICS_PATH
