"""Certify the largest change of a prediction from the stable revision to a candidate: ``make change-certificate``.

Both models are read from the servers' /v1/model. The largest change over all rows within the stable model's training
range is exact, since the difference of two lines is a line. Then both servers must answer the row where it occurs so.

Environment: CANDIDATE_URL, STABLE_URL; SERVICE_TOKEN is sent as bearer token if set; MAX_CHANGE, in the unit of the
target (default: the stable model's root mean squared error).
Exit code: 0 if the change is at most MAX_CHANGE, 1 if not, or if the models or answers do not fit.
"""

from __future__ import annotations

import math
import os
import sys
from http.client import HTTPException
from typing import Any, NamedTuple

from conformance.server import Server

# Predictions are rounded to float64; this is relative to the size of the terms that they are sums of.
ROUNDING = 1e-9


class Change(NamedTuple):
    """The largest change of a prediction, and a row where it occurs."""

    value: float
    row: list[float]


def largest_change(stable: dict[str, Any], candidate: dict[str, Any]) -> Change:
    """Return the change of the largest size in the box of the stable model's training range."""
    names = [feature["name"] for feature in stable["features"]]
    if names != [feature["name"] for feature in candidate["features"]] or stable["target"] != candidate["target"]:
        raise ValueError("the models have other features or another target, so their predictions cannot be compared")
    if any(feature["minimum"] is None for feature in stable["features"]):
        raise ValueError("the stable model has no training range, since rows were unlearned")
    pairs = list(zip(stable["features"], candidate["features"], strict=True))
    ends = []
    for choose in (min, max):
        row = [choose((old["minimum"], old["maximum"]), key=lambda x: (new["slope"] - old["slope"]) * x)
               for old, new in pairs]
        change = math.fsum([candidate["intercept"] - stable["intercept"],
                            *((new["slope"] - old["slope"]) * x for (old, new), x in zip(pairs, row, strict=True))])
        ends.append(Change(change, row))
    return max(ends, key=lambda end: abs(end.value))


def answered(server: Server, row: list[float]) -> float:
    """Return a server's prediction."""
    answer = server.post("/batch", {"instances": [row]})
    if answer.status != 200:
        raise ValueError(f"{server.url} answered {answer.status}")
    return float(answer.json()["predictions"][0])


def certify(stable: Server, candidate: Server, bound: float | None) -> str:
    """Return the certificate; ValueError if there is none."""
    old, new = stable.get("/v1/model").json(), candidate.get("/v1/model").json()
    change = largest_change(old, new)
    before, after = answered(stable, change.row), answered(candidate, change.row)
    size = max(1.0, abs(before), abs(after), abs(old["intercept"]), abs(new["intercept"]))
    if abs(after - before - change.value) > ROUNDING * size:
        raise ValueError(f"at {change.row} the answers differ by {after - before:g}, the models by {change.value:g}: a "
                         "revision does not serve the model that it names, or cleans rows before it predicts")
    limit = math.sqrt(old["metrics"]["mean_squared_error"]) if bound is None else bound
    if not abs(change.value) <= limit:
        raise ValueError(f"a prediction changes by {change.value:+g} at {change.row}, but at most {limit:g} is "
                         "allowed; MAX_CHANGE sets another bound")
    return (f"largest change of a prediction {change.value:+g} at {change.row} (at most {limit:g}), from "
            f"{old['digest']} to {new['digest']}")


def main() -> int:
    """Print the certificate, or why there is none."""
    try:
        stable, candidate = Server(url=os.environ["STABLE_URL"]), Server(url=os.environ["CANDIDATE_URL"])
        given = os.environ.get("MAX_CHANGE")
        print(certify(stable, candidate, float(given) if given else None))
    except KeyError as error:
        print(f"no certificate: {error} is missing", file=sys.stderr)
        return 1
    except (OSError, HTTPException, ValueError, TypeError) as error:
        print(f"no certificate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
