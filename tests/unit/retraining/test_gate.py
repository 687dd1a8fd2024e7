"""The gate's decisions, as a table, and its reasons in words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from linear_regressor import Moments
from linear_regressor.errors import SettingError
from linear_regressor.retraining.difference import Difference, Line
from linear_regressor.retraining.gate import CallerEffect, Decision, Evidence, GatePolicy, Verification, decide

Array = NDArray[np.float64]


def rows(seed: int, n: int, slope: float) -> tuple[Array, Array]:
    """Draw rows with standard normal errors."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 1))
    return X, slope * X[:, 0] + 1.0 + random.normal(size=n)


def blocks(seed: int, slope: float, count: int = 25, size: int = 20) -> list[Moments]:
    """Draw blocks of rows."""
    return [Moments.from_arrays(*rows(1000 * seed + place, size, slope)) for place in range(count)]


OLD, NEW = Moments.from_arrays(*rows(1, 400, 1.0)), Moments.from_arrays(*rows(2, 400, 3.0))
CHAMPION, CHALLENGER = Line(*OLD.solve()), Line(*NEW.solve())
# the world has changed, and the challenger has learned it
BETTER = Evidence(CHALLENGER, NEW, CHAMPION, OLD, blocks(3, 3.0), verification=Verification(True, "train checked it"))


def failed(decision: Decision) -> str:
    """The failed conditions."""
    return "; ".join(reason.text for reason in decision.reasons if reason.passed is False)


TABLE: list[tuple[str, dict[str, Any], dict[str, Any], bool, str]] = [
    ("better", {}, {}, True, ""),
    ("worse", {"test": blocks(4, 1.0)}, {}, False, "over the margin of 0"),
    ("worse within the margin", {"test": blocks(4, 1.0)}, {"margin": 10.0, "least_r2": -10.0}, True, ""),
    ("no difference", {"challenger": Line(*Moments.from_arrays(*rows(5, 400, 1.0)).solve()),
                       "training": Moments.from_arrays(*rows(5, 400, 1.0)), "test": blocks(4, 1.0)}, {}, False,
     "over the margin of 0"),
    ("the same line", {"challenger": CHAMPION, "training": OLD}, {}, False, "the same line as the champion"),
    ("too few test rows", {}, {"least_rows": 501}, False, "500 test rows are too few: at least 501 are needed"),
    ("no test rows", {"test": []}, {"least_rows": 0}, False, "do not allow a comparison"),
    ("low R2", {}, {"least_r2": 0.99}, False,
     "R2 on the .* rows is .* .at least 0.99 is required."),
    ("unfinished descent", {"challenger": Line(CHALLENGER.W + 0.01, CHALLENGER.b)}, {}, False,
     "would save .* of its loss .at most 1e-06 is allowed."),
    ("large change", {}, {"largest_change": 1.0}, False, "more than 1"),
    ("allowed change", {}, {"largest_change": 20.0}, True, ""),
    ("change without a range", {"champion_training": None}, {"largest_change": 20.0}, False, "range .* is unknown"),
    ("range not needed", {"champion_training": None}, {}, True, ""),
    ("not verified", {"verification": None}, {}, False,
     "are not verified: train it with 'train --schema FILE', or give .* --verification FILE, or a reason by --force"),
    ("first model, not verified", {"champion": None, "champion_training": None, "verification": None}, {}, False,
     "are not verified"),
    ("data that failed verification", {"verification": Verification(False, "4 duplicates")}, {}, False,
     "verification failed: 4 duplicates"),
    ("few blocks", {"test": blocks(3, 3.0, count=3, size=200)}, {}, True, ""),
    ("harmful caller", {"callers": [CallerEffect("bob", Difference(0.2, 0.01, 30, "blocks"))]}, {}, False,
     "the rows of bob raise its squared error"),
    ("two harmful callers, the worst one first",
     {"callers": [CallerEffect(name, Difference(harm, 0.01, 30, "blocks"))
                  for name, harm in (("bob", 0.2), ("eve", 0.4))]},
     {}, False, "the rows of eve .* the rows of bob"),
    ("certain harm that does not matter", {"callers": [CallerEffect("bob", Difference(0.005, 1e-4, 30, "blocks"))]},
     {}, True, ""),
    ("harmless caller", {"callers": [CallerEffect("bob", Difference(0.01, 0.01, 30, "blocks"))]}, {}, True, ""),
    ("one of 10 callers by chance", {"callers": [CallerEffect(name, Difference(0.02, 0.01, 30, "blocks"))
                                                 for name in "abcdefghij"]}, {}, True, ""),
    ("one caller", {"callers_withheld": "a single caller cannot be judged"}, {}, True, ""),
    ("first model", {"champion": None, "champion_training": None}, {}, True, ""),
    ("first model without test rows", {"champion": None, "champion_training": None, "test": []}, {}, True, ""),
    ("bad first model", {"champion": None, "champion_training": None}, {"least_r2": 0.99}, False,
     "R2 on the .* rows is .* .at least 0.99 is required."),
    ("unfinished first model", {"champion": None, "challenger": Line(CHALLENGER.W + 0.1, 0.0)}, {}, False,
     "would save .* of its loss .at most 1e-06 is allowed."),
    ("a target that does not vary", {"champion": None, "test": [Moments.from_arrays([[1.0], [2.0]], [3.0, 3.0])]}, {},
     False, "does not vary"),
]


@pytest.mark.parametrize(("evidence", "policy", "promote", "reason"), [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])
def test_the_gates_decisions(evidence: dict[str, Any], policy: dict[str, Any], promote: bool, reason: str) -> None:
    """A challenger is promoted if no condition fails; exactly the expected one fails."""
    decision = decide(replace(BETTER, **evidence), GatePolicy(**policy))

    assert decision.promote == promote
    assert (failed(decision) == "") == promote
    assert decision.summary.startswith("Promote: " if promote else "Keep: ")
    assert re.search(reason, failed(decision)) and re.search(reason, decision.summary)


def test_reasons_are_given_for_a_promotion_too() -> None:
    """Every condition with its figures."""
    decision = decide(BETTER, GatePolicy(largest_change=20.0))
    text = " ".join(reason.text for reason in decision.reasons)
    for part in ("R2 on the test rows is", "save", "verification passed: train checked it", "500 test rows are enough",
                 "squared error minus the champion's is",
                 "from blocks of rows", "no prediction within distance 3"):
        assert part in text
    assert all(reason.passed for reason in decision.reasons)


def test_the_standard_error_comes_from_rows_if_all_can_be_read() -> None:
    """Else from at least 20 blocks, and last from the closed form with its assumption."""
    X, y = rows(9, 500, 3.0)
    parts = np.array_split(np.arange(500), 25)
    test = [Moments.from_arrays(X[part], y[part]) for part in parts]
    for evidence, source in ((replace(BETTER, test=test, rows=iter([(X, y)])), "rows"),
                             (replace(BETTER, test=test, rows=iter([(X[:499], y[:499])])), "blocks"),
                             (replace(BETTER, test=test), "blocks"),
                             (replace(BETTER, test=test[:19]), "closed form")):
        decision = decide(evidence)
        assert decision.difference is not None and decision.difference.source == source
        assert any("equal variance" in reason.text for reason in decision.reasons) == (source == "closed form")


def test_a_forced_promotion_is_recorded_with_what_failed() -> None:
    """The reason, and the conditions that did not hold."""
    worse = replace(BETTER, test=blocks(4, 1.0))
    decision = decide(worse, force="the old sensor is gone")
    assert decision.promote and decision.forced == "the old sensor is gone"
    assert decision.summary.startswith("Promote, forced (the old sensor is gone), although R2 on the test rows is")
    assert "its squared error minus the champion's is" in decision.summary
    assert decide(BETTER, force="in any case").forced is None
    with pytest.raises(SettingError, match="needs a reason"):
        decide(worse, force=" ")


@pytest.mark.parametrize("policy", [{"radius": -1.0}, {"largest_gap": -1.0}, {"least_rows": -1},
                                    {"radius": float("nan")}])
def test_policies_that_make_no_sense_are_rejected(policy: dict[str, Any]) -> None:
    """Negative limits."""
    with pytest.raises(SettingError):
        GatePolicy(**policy)
