"""The dashboard against Grafana's own types: ``python -m infra.checks.dashboard FILE``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.checks.configuration import Finding
from infra.checks.names import similar


def check(written: dict[str, Any]) -> Iterator[Finding]:
    """Decode the dashboard and encode it again: Grafana ignores fields that its types lack, and so does the decoder."""
    from grafana_foundation_sdk.cog import plugins  # in another environment: infra/checks/requirements.txt
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    try:
        known = json.loads(JSONEncoder().encode(Dashboard.from_json(written)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        yield Finding("dashboard", f"is not in the form that Grafana reads: {error}")
        return
    yield from _lost(written, known, "dashboard")


def _lost(written: Any, known: Any, place: str) -> Iterator[Finding]:
    """Find what the second value lacks."""
    if isinstance(written, dict) and isinstance(known, dict):
        for name, value in written.items():
            if name in known:
                yield from _lost(value, known[name], f"{place}.{name}")
            else:
                yield Finding(f"{place}.{name}", f"is unknown to Grafana{similar(name, known)}")
    elif isinstance(written, list) and isinstance(known, list) and len(written) == len(known):
        for index, (one, other) in enumerate(zip(written, known, strict=True)):
            yield from _lost(one, other, f"{place}[{index}]")
    elif written != known:
        yield Finding(place, f"is {written!r}, which Grafana reads as {known!r}")


def main(path: str) -> int:
    """Print all findings."""
    findings = list(map(str, check(json.loads(Path(path).read_text(encoding="utf-8")))))
    print("\n".join(findings or ["dashboard: every field is known to Grafana"]))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
