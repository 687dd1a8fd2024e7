"""Ratios as a text table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.ratio import Ratio


def as_table(ratios: Sequence[Ratio], environment: dict[str, str]) -> str:
    """Format ratios as a text table."""
    width = max(len(ratio.name) for ratio in ratios)
    lines = [", ".join(f"{name} {value}" for name, value in environment.items()),
             f"{'above / below':{width}} {'above':>12} {'below':>12} {'unit':8} {'ratio':>8} {'budget':>8} held"]
    for ratio in ratios:
        budget = f"{'>=' if ratio.at_least else '<='} {ratio.budget:g}"
        lines.append(f"{ratio.name:{width}} {ratio.above:12.4g} {ratio.below:12.4g} {ratio.unit:8} {ratio.ratio:8.3g} "
                     f"{budget:>8} {'yes' if ratio.held else 'no'}")
    return "\n".join(lines)


def as_json(ratios: Sequence[Ratio], environment: dict[str, str]) -> str:
    """Format ratios as one line of JSON."""
    return json.dumps({"environment": environment,
                       "ratios": [{**asdict(ratio), "held": ratio.held} for ratio in ratios]})
