"""Read ``/metrics`` and the log of a server."""

from __future__ import annotations

import json
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.running_server import RunningServer


class Scraped:
    """Samples by name and labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """Sum the samples of a name that have at least these labels."""
        return sum(sample.value for sample in self.samples
                   if sample.name == name and labels.items() <= sample.labels.items())

    def labels(self, name: str) -> list[dict[str, str]]:
        """Return the labels of each sample of a name."""
        return [sample.labels for sample in self.samples if sample.name == name]


def scrape(server: RunningServer) -> Scraped:
    """Scrape a real server."""
    status, body = server.request("GET", "/metrics")
    assert 200 == status
    return Scraped(body.decode())


def lines(text: str) -> list[dict[str, Any]]:
    """Parse a log of one JSON object per line."""
    return [json.loads(line) for line in text.splitlines()]


def access_lines(text: str) -> list[dict[str, Any]]:
    """Return the lines of the access log."""
    return [line for line in lines(text) if "httpRequest" in line]
