"""Tests, in folders by cost: unit, process, server, cluster, repository (docs/adr/0020-tests-by-cost.md)."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
