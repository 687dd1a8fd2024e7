"""Read the metrics and the log of a server."""

from __future__ import annotations

import json
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.running_server import RunningServer


class Scraped:
    """Samples of one scrape, by name and labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """Sum the samples with this name and at least these labels."""
        return sum(sample.value for sample in self.samples
                   if sample.name == name and labels.items() <= sample.labels.items())

    def labels(self, name: str) -> list[dict[str, str]]:
        """List the labels of the samples with this name."""
        return [sample.labels for sample in self.samples if sample.name == name]


def scrape(server: RunningServer) -> Scraped:
    """Scrape a running server."""
    status, body = server.request("GET", "/metrics")
    assert 200 == status
    return Scraped(body.decode())


def lines(text: str) -> list[dict[str, Any]]:
    """Parse a log of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def access_lines(text: str) -> list[dict[str, Any]]:
    """Select the access lines."""
    return [line for line in lines(text) if "httpRequest" in line]
