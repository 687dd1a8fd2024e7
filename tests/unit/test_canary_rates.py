"""How often the sequential test of a deployment rolls back candidates that are not worse, and finds those that are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from linear_regressor.monitoring.coverage_change import log_e
from scripts import canary
from scripts.canary import ALPHA, RULES, Answer, Canary

Array = NDArray[np.float64]
PAIRS = 500
STREAMS = 4000
GOOD, FAILED = Answer(False, 0.02), Answer(True, 0.02)
# logarithm of the evidence of K of N pairs, at [N, K]
TABLE = log_e(np.arange(PAIRS + 1.0), np.arange(PAIRS + 1.0)[:, None], 0.5)


def rolled_back(signs: Array) -> Array:
    """Return whether each stream is ever rolled back; signs has the axes stream, pair and rule."""
    worse, differ = np.cumsum(signs > 0, axis=1), np.cumsum(signs != 0, axis=1)
    evidence = np.logaddexp.reduce(TABLE[differ, worse], axis=-1) - math.log(len(RULES))
    found: Array = (evidence >= -math.log(ALPHA)).any(axis=1)
    return found


def streams(seed: int, failing: tuple[float, float], late: tuple[float, float], slower: float) -> Array:
    """Draw pairs of candidate and stable revision with these shares."""
    random = np.random.default_rng(seed)
    print(f"seed {seed}")

    def differences(shares: tuple[float, float]) -> Array:
        candidate, stable = (random.random((STREAMS, PAIRS)) < share for share in shares)
        return candidate.astype(float) - stable

    takes_longer = np.where(random.random((STREAMS, PAIRS)) < slower, 1.0, -1.0)
    return np.stack([differences(failing), differences(late), takes_longer], axis=-1)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2])
def test_equal_revisions_are_rarely_rolled_back(share: float) -> None:
    """At most the share ALPHA of all streams, with a look after each pair; here at the bound of the slowdown, too."""
    found = rolled_back(streams(20261127, (share, share), (share, share), 0.5)).mean()
    print(f"rolled back: {found:.4f}")

    assert found <= ALPHA


@pytest.mark.parametrize(("failing", "late", "slower"), [
    ((0.06, 0.0), (0.0, 0.0), 0.5), ((0.0, 0.0), (0.10, 0.01), 0.5), ((0.0, 0.0), (0.0, 0.0), 0.65),
], ids=["6 % fail", "10 % late instead of 1 %", "slower in 65 %"])
def test_worse_revisions_are_found(failing: tuple[float, float], late: tuple[float, float], slower: float) -> None:
    """In 95 % of streams of 500 pairs."""
    found = rolled_back(streams(20261128, failing, late, slower)).mean()
    print(f"found: {found:.4f}")

    assert found >= 0.95


def test_the_test_of_a_deployment_is_the_simulated_one() -> None:
    """Pair by pair, to the last digit of the table."""
    random = np.random.default_rng(5)
    test = Canary(PAIRS)
    for _ in range(100):
        test.add(*(Answer(bool(random.random() < 0.1), float(random.choice([0.02, 0.09, 0.2]))) for _ in range(2)))
        at = test.differ.astype(int), test.worse.astype(int)
        expected = np.logaddexp.reduce(TABLE[at]) - math.log(len(RULES))

        assert test.evidence() == pytest.approx(expected, abs=1e-12)
    assert test.differ.min() > 10


def test_a_pair_counts_for_the_rules_that_it_says_something_about() -> None:
    """A failure is no measurement of latency; an objective that both miss is none against the candidate."""
    late = canary.OBJECTIVES["latency"]["seconds"] * 1.1
    cases = [((FAILED, GOOD), [1, 0, 0], [1, 0, 0]), ((GOOD, FAILED), [0, 0, 0], [1, 0, 0]),
             ((FAILED, FAILED), [0, 0, 0], [0, 0, 0]), ((GOOD, GOOD), [0, 0, 0], [0, 0, 1]),
             ((Answer(False, late), GOOD), [0, 1, 1], [0, 1, 1]), ((GOOD, Answer(False, late)), [0, 0, 0], [0, 1, 1]),
             ((Answer(False, late), Answer(False, late)), [0, 0, 0], [0, 0, 1])]
    for pair, worse, differ in cases:
        test = Canary(10)
        test.add(*pair)

        assert (worse, differ) == (test.worse.tolist(), test.differ.tolist())


def test_a_promotion_needs_all_pairs_and_a_rollback_the_first_proof() -> None:
    """Twelve failures beside none are proof."""
    healthy, faulty = Canary(50), Canary(1000)
    for seen in range(1, 50):
        healthy.add(GOOD, GOOD)
        assert healthy.judge() is None, seen
    healthy.add(GOOD, GOOD)
    failures = 0
    while faulty.judge() is None:
        faulty.add(FAILED, GOOD)
        failures += 1
    judgement = faulty.judge()

    assert healthy.judge() == (True, "no evidence against the candidate in 50 pairs")
    assert 12 == failures and judgement == (False, "the candidate fails more often: it was worse in 12 of 12 pairs "
                                                   "that differ")
