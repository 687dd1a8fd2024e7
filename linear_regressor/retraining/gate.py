"""The gate: whether a new model, the challenger, replaces the model in use, the champion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import SettingError, StatisticsError
from linear_regressor.model.compare import LargestDifference
from linear_regressor.model.cross_products import EPS
from linear_regressor.model.evaluate import Certificate, Evaluation
from linear_regressor.model.moments import Moments
from linear_regressor.retraining.difference import ASSUMPTIONS, ERROR, Difference, Line, student_quantile

Array = NDArray[np.float64]

# Harm by a caller's rows that matters, as a share of the challenger's squared error on the test rows: a change of its
# predictions by 0.1 standard deviations. Of many rows, less is certain and still nothing to refuse.
LEAST_HARM = 0.01
REMEDY = ("train it with 'train --schema FILE', or give 'models promote' the report of 'verify --json' by "
          "--verification FILE, or a reason by --force")


@dataclass(frozen=True)
class GatePolicy:
    """What a challenger must fulfil."""

    # by how much the challenger's mean squared error may exceed the champion's, in squared units of the target: the
    # upper end of the difference's 95 % interval must not lie above; 0 demands a proven improvement
    margin: float = 0.0
    # least coefficient of determination on the test rows
    least_r2: float = 0.0
    # largest share of the challenger's loss on its training rows that a better line could save
    largest_gap: float = 1e-6
    # largest change of any prediction in the range of the champion's training rows, in the unit of the target
    largest_change: float | None = None
    # that range: the Mahalanobis distance from the mean of those rows
    radius: float = 3.0
    # least number of test rows
    least_rows: int = 100

    def __post_init__(self) -> None:
        if not (self.largest_gap >= 0 and self.radius >= 0 and self.least_rows >= 0):
            raise SettingError("gap, radius and number of test rows cannot be negative")


class Verification(NamedTuple):
    """Result of the verification of the challenger's training data."""

    passed: bool
    # who checked what, and what was found
    summary: str


class CallerEffect(NamedTuple):
    """What a caller's rows do to the challenger, judged on the later rows of all other callers."""

    name: str
    # error of the challenger minus that of the same challenger without the caller's rows
    difference: Difference


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the gate decides on. Neither model may have learned from the test rows or been chosen by them."""

    challenger: Line
    # the rows that the challenger learned from
    training: Moments
    # the model in use and the rows it learned from; None for the first model
    champion: Line | None
    champion_training: Moments | None
    # test rows in blocks, and, where they can be read, as blocks (X, y) of the same rows
    test: Sequence[Moments]
    rows: Iterable[tuple[Array, Array]] | None = None
    # None if nobody has verified them
    verification: Verification | None = None
    callers: Sequence[CallerEffect] = ()
    # why callers cannot be judged; None if they are
    callers_withheld: str | None = None

    def difference(self) -> Difference | None:
        """The difference of the errors by the best standard error that the test rows allow; None without champion."""
        if self.champion is None or not self.test:
            return None
        whole = reduce(Moments.__add__, self.test)
        found = None if self.rows is None else Difference.from_rows(self.champion, self.challenger, self.rows)
        if found is not None and found.degrees_of_freedom + 1 == whole.n:  # no row has been deleted
            return found
        return (Difference.from_blocks(self.champion, self.challenger, self.test)
                or Difference.closed_form(self.champion, self.challenger, whole))


class Reason(NamedTuple):
    """One condition of the gate, or a remark."""

    # False keeps the champion; None is a remark
    passed: bool | None
    text: str


@dataclass(frozen=True)
class Decision:
    """Whether the challenger is promoted, and why."""

    promote: bool
    reasons: tuple[Reason, ...]
    difference: Difference | None
    # why the challenger is promoted against failed conditions; None if nothing was forced
    forced: str | None = None

    @property
    def summary(self) -> str:
        """The decision and what decided it, as one sentence."""
        failed = "; ".join(reason.text for reason in self.reasons if reason.passed is False)
        if self.forced is not None:
            return f"Promote, forced ({self.forced}), although {failed}."
        if not self.promote:
            return f"Keep: {failed}."
        return "Promote: every condition holds."


def decide(evidence: Evidence, policy: GatePolicy = GatePolicy(), force: str | None = None) -> Decision:
    """Promote the challenger if every condition holds, or by force with a reason that is recorded."""
    if force is not None and not force.strip():
        raise SettingError("a forced promotion needs a reason")
    difference = evidence.difference()
    reasons = [_fit(evidence, policy), _certificate(evidence, policy), _verification(evidence.verification)]
    if evidence.champion is None:
        reasons.append(Reason(None, "there is no champion to compare with"))
    else:
        reasons += [_test_rows(evidence, policy), _improvement(evidence, policy, difference),
                    *_largest_change(evidence, policy), *_callers(evidence)]
    failed = any(reason.passed is False for reason in reasons)
    return Decision(not failed or force is not None, tuple(reasons), difference, force if failed else None)


def conditions_without_test(evidence: Evidence, policy: GatePolicy) -> list[Reason]:
    """The conditions that need no test rows: they hold for a model that learned from all rows, too."""
    return [_certificate(evidence, policy), *_largest_change(evidence, policy)]


def _fit(evidence: Evidence, policy: GatePolicy) -> Reason:
    """Condition on R2, on the test rows or, without any, on the training rows."""
    where, moments = "test", reduce(Moments.__add__, evidence.test) if evidence.test else None
    if moments is None:
        where, moments = "training", evidence.training
    try:
        r2 = Evaluation.of(moments, *evidence.challenger).r2
    except StatisticsError as error:
        return Reason(False, str(error))
    passed = r2 >= policy.least_r2
    return Reason(passed, f"R2 on the {where} rows is {r2:.4g} (at least {policy.least_r2:g} is required)")


def _certificate(evidence: Evidence, policy: GatePolicy) -> Reason:
    """Condition on the distance from the best line of the training rows."""
    training = evidence.training
    certificate = Certificate.of(training, *evidence.challenger)
    scale = max(certificate.loss, 64 * EPS * training.v / training.n)
    share = certificate.gap / scale if scale > 0 else 0.0
    passed = share <= policy.largest_gap
    return Reason(passed, f"the best line of its rows would save {share:.2g} of its loss "
                          f"(at most {policy.largest_gap:g} is allowed)")


def _verification(report: Verification | None) -> Reason:
    """Condition on the training data."""
    if report is None:
        return Reason(False, f"its training data are not verified: {REMEDY}")
    return Reason(report.passed, f"verification {'passed' if report.passed else 'failed'}: {report.summary}")


def _test_rows(evidence: Evidence, policy: GatePolicy) -> Reason:
    """Condition on the number of test rows."""
    n = sum(block.n for block in evidence.test)
    passed = n >= policy.least_rows
    return Reason(passed, f"{n:.0f} test rows are {'enough' if passed else 'too few'}: at least {policy.least_rows} "
                          "are needed")


def _improvement(evidence: Evidence, policy: GatePolicy, difference: Difference | None) -> Reason:
    """Condition on the difference of the errors."""
    champion, challenger = evidence.champion, evidence.challenger
    if champion is not None and np.array_equal(champion.W, challenger.W) and champion.b == challenger.b:
        return Reason(False, "the challenger is the same line as the champion")
    if difference is None:
        return Reason(False, "the test rows do not allow a comparison with the champion")
    passed = difference.upper <= policy.margin
    return Reason(passed, f"its squared error minus the champion's is {difference.mean:+.4g}, with a standard error of "
                          f"{difference.standard_error:.4g} {ASSUMPTIONS[difference.source]}; with 95 % confidence it "
                          f"is at most {difference.upper:+.4g}, {'within' if passed else 'over'} the margin of "
                          f"{policy.margin:g}")


def _largest_change(evidence: Evidence, policy: GatePolicy) -> list[Reason]:
    """Condition on the change of any prediction in the range of the champion's training rows."""
    champion, rows = evidence.champion, evidence.champion_training
    if champion is None:
        return []
    if rows is None or rows.n <= 1:
        return [Reason(None if policy.largest_change is None else False,
                       "the range of the champion's training rows is unknown")]
    W, b = evidence.challenger
    change = abs(LargestDifference.of(rows, W - champion.W, b - champion.b, policy.radius).change)
    text = f"no prediction within distance {policy.radius:g} of the champion's rows changes by more than {change:.4g}"
    if policy.largest_change is None:
        return [Reason(None, text)]
    passed = change <= policy.largest_change
    return [Reason(passed, text if passed else f"a prediction within distance {policy.radius:g} of the champion's rows "
                                               f"changes by {change:.4g}, more than {policy.largest_change:g}")]


def _callers(evidence: Evidence) -> list[Reason]:
    """Condition that no caller's rows make the challenger worse for the others; the most certain harm comes first.

    A caller with false rows is among the judges of the others, who may then look as harmful, but less certainly so:
    their judges contradict each other.
    """
    if evidence.callers_withheld is not None:
        return [Reason(None, evidence.callers_withheld)]
    least = LEAST_HARM * reduce(Moments.__add__, evidence.test).loss(*evidence.challenger) if evidence.test else 0.0
    harmful = sorted((effect for effect in evidence.callers if _is_harmful(effect, len(evidence.callers), least)),
                     key=lambda effect: effect.difference.standard_error / effect.difference.mean)
    return [Reason(False, f"the rows of {effect.name} raise its squared error for all other callers by "
                          f"{effect.difference.mean:.4g} with a standard error of "
                          f"{effect.difference.standard_error:.4g}") for effect in harmful]


def _is_harmful(effect: CallerEffect, callers: int, least: float) -> bool:
    """Whether a caller does harm that matters, and more than chance explains, over all callers (Bonferroni)."""
    found = effect.difference
    quantile = student_quantile(1.0 - ERROR / callers, found.degrees_of_freedom)
    return found.mean >= least and found.mean > quantile * found.standard_error
