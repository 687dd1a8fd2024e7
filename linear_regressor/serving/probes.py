"""Which requests nobody made: those of platforms that look whether the service is well."""

from __future__ import annotations

METRICS_PATH = "/metrics"
_HEALTH = ("/health", "/v2/health")


def is_probe(path: str) -> bool:
    """Tell whether a request is a health probe or a scrape."""
    return path == METRICS_PATH or path.startswith(_HEALTH)
