"""Print instances and costs by level of traffic, for docs/capacity.md: ``python -m infra.capacity [INPUTS]``.

Measurements, assumptions and prices are in infra/capacity.json, or in the file that is given; limits are those of
infra/service.json. Prices are in dollars, without free tiers and discounts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

INFRA = Path(__file__).resolve().parent
GIB = 2 ** 30
MIB_OF_GIB = 1024


class Month(NamedTuple):
    """What one level of traffic needs and costs in a month."""

    predictions_per_second: float
    requests_at_peak: float
    instances_at_peak: int
    instances_on_average: float
    processors: float
    logs: float
    metrics: float
    network: float
    database: float
    per_million: float

    @property
    def total(self) -> float:
        """Dollars in a month."""
        return self.processors + self.logs + self.metrics + self.network + self.database


def month(inputs: dict[str, Any], service: dict[str, Any], rows: int, predictions: float) -> Month:
    """Compute a level of traffic: a mean of predictions per second, in requests of so many rows."""
    measured, assumed, prices = inputs["measured"], inputs["assumed"], inputs["prices"]
    seconds = assumed["month_days"] * 86_400
    requests = predictions / rows
    per_instance = measured["requests_per_second"][str(rows)] * processors(service["limits"]) * assumed["utilisation"]
    at_peak = ceil(requests * assumed["peak_to_mean"] / per_instance)
    # whole instances of a load that changes: never more than at its peak, nor than one above the load itself
    average = max(service["instances"]["min"], min(at_peak, requests / per_instance + 1))
    containers = service["limits"], service["database"]["proxy_limits"], service["collector"]["limits"]
    vcpu, gib = sum(map(processors, containers)), sum(map(memory, containers)) / MIB_OF_GIB
    database = assumed["database"]
    costs = {
        "processors": average * seconds * (vcpu * prices["cloud_run"]["vcpu_second"]
                                           + gib * prices["cloud_run"]["gib_second"]),
        "logs": requests * seconds * measured["log_bytes_per_request"] / GIB * prices["logs"]["gib"],
        "metrics": average * seconds / assumed["scrape_seconds"] * measured["series"] / 1e6
        * prices["metrics"]["million_samples"],
        "network": requests * seconds * measured["response_bytes"][str(rows)] / GIB * prices["network"]["gib"],
        "database": database["copies"] * seconds / 3600 * (
            database["vcpu"] * prices["cloud_sql"]["vcpu_hour"] + database["gib"] * prices["cloud_sql"]["gib_hour"]),
    }
    # one instance more than the peak needs, so that one can fail
    return Month(predictions, requests * assumed["peak_to_mean"], at_peak + 1, average, **costs,
                 per_million=sum(costs.values()) / (predictions * seconds / 1e6))


def processors(limits: dict[str, str]) -> float:
    """vCPU of a container: "2", or "100m" for a tenth."""
    written = limits["cpu"]
    return int(written.removesuffix("m")) / 1000 if written.endswith("m") else float(written)


def memory(limits: dict[str, str]) -> int:
    """Memory of a container in MiB."""
    written = limits["memory"]
    if not written.endswith("Mi"):
        raise SystemExit(f"a limit of memory in infra/service.json is {written!r}: must be in Mi")
    return int(written.removesuffix("Mi"))


def tables(inputs: dict[str, Any], service: dict[str, Any]) -> Iterator[str]:
    """Write a table in Markdown for each number of rows in a request."""
    for rows, levels in inputs["levels"].items():
        yield f"**{'One record' if rows == '1' else f'{int(rows):,} rows'} in a request**\n"
        yield ("| predictions per second, mean | requests per second, peak | instances at peak, one spare "
               "| instances on average | processors | logs | metrics | network | database | a month "
               "| a million predictions |")
        yield "|---" * 11 + "|"
        for level in levels:
            found = month(inputs, service, int(rows), level)
            yield (f"| {level:,} | {found.requests_at_peak:,.0f} | {found.instances_at_peak} "
                   f"| {found.instances_on_average:.1f} | "
                   + " | ".join(f"{part:,.0f}" for part in (found.processors, found.logs, found.metrics, found.network,
                                                            found.database, found.total))
                   + f" | {found.per_million:.3g} |")
        yield ""


def main(path: str = str(INFRA / "capacity.json")) -> None:
    """Print all tables."""
    try:
        inputs = json.loads(Path(path).read_text(encoding="utf-8"))
        lines = list(tables(inputs, json.loads((INFRA / "service.json").read_text(encoding="utf-8"))))
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise SystemExit(f"{path}: is not JSON: {error}") from error
    except KeyError as error:
        raise SystemExit(f"{path}: {error.args[0]!r} is missing; infra/capacity.json has every value") from error
    print("\n".join(lines).rstrip())


if __name__ == "__main__":
    main(*sys.argv[1:])
