"""Compare a candidate revision with the stable one by pairs of requests: ``make canary``.

Each pair sends the same row to both, in random order. A sequential test looks after each pair: of two equal revisions
it rolls back at most the share ALPHA, however often it looks (docs/deployment.md).

Environment: CANDIDATE_URL, STABLE_URL; SERVICE_TOKEN is sent as bearer token if set.
Exit code: 0 to promote the candidate, 3 to roll back, 2 for a wrong call.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from conformance.server import Server
from linear_regressor.monitoring.coverage_change import log_e

# Highest probability that a candidate is rolled back which is not worse.
ALPHA = 0.01
# A candidate is slower if it takes this factor longer in more than half of the pairs.
SLOWDOWN = 1.25
# Both revisions may fail alike, of which the pairs say nothing; no candidate is promoted that fails more often.
MOST_FAILURES = 0.05
RULES = ("fails more often", "exceeds the latency objective more often", "takes longer")
ROLL_BACK = 3
OBJECTIVES = json.loads((Path(__file__).parent.parent / "infra" / "service.json").read_text("utf-8"))["objectives"]


class Answer(NamedTuple):
    """What a revision made of a request."""

    failed: bool
    seconds: float


class Judgement(NamedTuple):
    """What happens to the candidate, and why."""

    promote: bool
    reason: str


@dataclass
class Canary:
    """The sequential test. Of each rule it counts the pairs that differ, and those in which the candidate was worse.

    If the candidate is not worse, at most half of the pairs that differ are against it, whatever was before. So each
    rule's evidence is a non-negative supermartingale that starts at 1, and so is their mean: it ever reaches 1 / ALPHA
    with a probability of at most ALPHA (Ville's inequality).
    """

    pairs: int
    seen: int = 0
    failures: int = 0
    worse: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(RULES)))
    differ: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(RULES)))

    def add(self, candidate: Answer, stable: Answer) -> None:
        """Count a pair."""
        self.seen += 1
        self.failures += candidate.failed
        signs = [candidate.failed - stable.failed, 0, 0]
        if not candidate.failed and not stable.failed:
            late = OBJECTIVES["latency"]["seconds"]
            signs[1] = (candidate.seconds > late) - (stable.seconds > late)
            signs[2] = 1 if candidate.seconds > SLOWDOWN * stable.seconds else -1
        self.worse += np.sign(signs) > 0
        self.differ += np.sign(signs) != 0

    def evidence(self) -> float:
        """Return the logarithm of the evidence against the candidate."""
        return float(mean_log_e(self.worse, self.differ))

    def judge(self) -> Judgement | None:
        """Decide, or return None if more pairs are needed."""
        if self.evidence() >= -math.log(ALPHA):
            rule = int(log_e(self.worse, self.differ, 0.5).argmax())
            return Judgement(False, f"the candidate {RULES[rule]}: it was worse in {self.worse[rule]:.0f} of "
                                    f"{self.differ[rule]:.0f} pairs that differ")
        if self.failures > MOST_FAILURES * self.pairs:
            return Judgement(False, f"the candidate failed {self.failures} times in {self.seen} pairs, whatever the "
                                    f"stable revision did: at most {MOST_FAILURES:.0%} of {self.pairs} may fail")
        if self.seen == self.pairs:
            return Judgement(True, f"no evidence against the candidate in {self.pairs} pairs")
        return None


def mean_log_e(worse: NDArray[np.float64], differ: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the mean evidence of the rules, which are the last axis."""
    mean: NDArray[np.float64] = np.logaddexp.reduce(log_e(worse, differ, 0.5), axis=-1) - math.log(len(RULES))
    return mean


def ask(server: Server, row: Sequence[float]) -> Answer:
    """Request one prediction; anything but a finite number is a failure."""
    started = time.perf_counter()
    try:
        answer = server.post("/batch", {"instances": [row]})
        (prediction,) = answer.json()["predictions"]
        failed = answer.status != 200 or not math.isfinite(prediction)
    except (OSError, HTTPException, ValueError, TypeError, KeyError):
        failed = True
    return Answer(failed, time.perf_counter() - started)


def rows(features: Sequence[dict[str, Any]], choice: random.Random) -> Iterator[list[float]]:
    """Draw rows within the range of the training data; a model without a range (after unlearning) gets its mean."""
    while True:
        yield [feature["mean"] if feature["minimum"] is None
               else choice.uniform(feature["minimum"], feature["maximum"]) for feature in features]


def run(candidate: Server, stable: Server, pairs: int, interval: float, seed: int) -> Judgement:
    """Send pairs until the test decides."""
    choice = random.Random(seed)  # nosec B311  # draws rows and their order, no secrets
    canary = Canary(pairs)
    for row in rows(stable.get("/v1/model").json()["features"], choice):
        started = time.monotonic()
        if choice.random() < 0.5:
            first = ask(candidate, row)
            canary.add(first, ask(stable, row))
        else:
            second = ask(stable, row)
            canary.add(ask(candidate, row), second)
        judgement = canary.judge()
        if judgement is not None:
            return judgement
        time.sleep(max(0.0, started + interval - time.monotonic()))
    raise AssertionError("there are always more rows")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the judgement."""
    parser = argparse.ArgumentParser(description="Compare a candidate revision with the stable one.")
    parser.add_argument("--pairs", type=int, default=1000, help="pairs of requests before a promotion")
    parser.add_argument("--interval", type=float, default=0.3, help="seconds from one pair to the next")
    parser.add_argument("--seed", type=int, default=None, help="of the rows and their order")
    given = parser.parse_args(arguments)
    missing = [name for name in ("CANDIDATE_URL", "STABLE_URL") if not os.environ.get(name)]
    if missing or given.pairs < 1:
        print(f"not set: {', '.join(missing)}" if missing else "--pairs must be at least 1", file=sys.stderr)
        return 2
    candidate, stable = Server(url=os.environ["CANDIDATE_URL"]), Server(url=os.environ["STABLE_URL"])
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    try:
        judgement = run(candidate, stable, given.pairs, given.interval, seed)
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        judgement = Judgement(False, f"{stable.url}/v1/model cannot be read: {error}")
    print(f"{'promote' if judgement.promote else 'roll back'}: {judgement.reason} (seed {seed})")
    return 0 if judgement.promote else ROLL_BACK


if __name__ == "__main__":
    sys.exit(main())
