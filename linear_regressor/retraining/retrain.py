"""Retraining: challengers from the champion's moments and new feedback, the gate, and the model to promote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil
from typing import Any

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.lineage import KEY, Lineage
from linear_regressor.errors import DataError, DivergenceError, RateError, SettingError
from linear_regressor.model.compare import LargestDifference
from linear_regressor.model.descent import Fit
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.block import Block, Reference, intervals
from linear_regressor.monitoring.callers import Callers, influence
from linear_regressor.monitoring.concept import Concept
from linear_regressor.monitoring.feedback_report import allowed_share
from linear_regressor.monitoring.finding import Finding
from linear_regressor.monitoring.line_change import START_ROWS
from linear_regressor.retraining.challenger import Recipe, best, caller_effects, capped, recipes, split_newest
from linear_regressor.retraining.difference import Line
from linear_regressor.retraining.gate import (
    Decision,
    Evidence,
    GatePolicy,
    Reason,
    Verification,
    conditions_without_test,
    decide,
)
from linear_regressor.retraining.new_feedback import NewFeedback
from linear_regressor.retraining.successor import FAILURE, RowLimits, successor
from linear_regressor.retraining.verified_feedback import verification_of, verify_feedback
from linear_regressor.training.refit import fit_again, settings_of, steps_of
from linear_regressor.verification.finding import VerificationReport
from linear_regressor.verification.schema import Schema
from linear_regressor.verification.verified import KEY as VERIFICATION
from linear_regressor.verification.verified import Verified

# Of the rows since the change, or since the cut: the newest ones judge, the others are learned from.
JUDGING_SHARE = 0.5
# Of the rows of a challenger that one caller may have: it moves the line about this share of the way to its own.
LARGEST_SHARE = 0.6


@dataclass(frozen=True)
class RetrainOptions:
    """What the user decides."""

    # serial number of the first row after a change; None to take it from an alarm
    since: int | None = None
    # callers whose rows are left out
    without: tuple[str, ...] = ()
    largest_share: float = LARGEST_SHARE
    policy: GatePolicy = GatePolicy()
    # why to promote the best challenger against the gate, also if the feedback fails its verification
    force: str | None = None
    # what the feedback must satisfy; None for the checks that need no schema
    schema: Schema | None = None
    rule: AlarmRule = AlarmRule()

    def __post_init__(self) -> None:
        if not 0 < self.largest_share <= 1:
            raise SettingError(f"the largest share of a caller must lie between 0 and 1, not {self.largest_share:g}")


@dataclass(frozen=True, eq=False)
class Candidate:
    """A challenger as it was judged: it has not learned from the rows that judged it."""

    recipe: Recipe
    evidence: Evidence
    decision: Decision

    @property
    def test_rows(self) -> int:
        """Number of rows that judged it."""
        return int(sum(block.n for block in self.evidence.test))

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        difference = self.decision.difference
        return {"recipe": self.recipe.name, "since": self.recipe.since, "training_rows": self.evidence.training.n,
                "test_rows": self.test_rows, "promote": self.decision.promote, "forced": self.decision.forced,
                "reasons": [reason._asdict() for reason in self.decision.reasons],
                "difference": None if difference is None else asdict(difference),
                "callers": [{"name": effect.name, **asdict(effect.difference)} for effect in self.evidence.callers]}


@dataclass(frozen=True, eq=False)
class Retraining:
    """What retraining found, and the model to promote."""

    champion: Artefact
    # without the callers that were left out
    feedback: NewFeedback
    candidates: tuple[Candidate, ...] = ()
    # the challenger that is promoted, or else the one with the least error; None if none could be trained
    chosen: Candidate | None = None
    # the same recipe on all rows
    artefact: Artefact | None = None
    # largest change of a prediction from the judged challenger to the artefact
    change: LargestDifference | None = None
    # the test of each caller, and how far its rows move the artefact
    callers: tuple[Finding, ...] = ()
    influences: dict[str, LargestDifference | None] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    # of the feedback; None if no row of it is stored
    verification: VerificationReport | None = None

    @property
    def unusable(self) -> bool:
        """Whether no challenger was trained because the feedback failed its verification."""
        return self.verification is not None and self.verification.failed and not self.candidates

    @property
    def promotes(self) -> bool:
        """Whether the artefact replaces the champion."""
        return self.artefact is not None and self.chosen is not None and self.chosen.decision.promote

    @property
    def reasons(self) -> tuple[str, ...]:
        """What decided, in words."""
        if self.chosen is None or self.artefact is None:
            return self.remarks
        return tuple(reason.text for reason in self.chosen.decision.reasons)

    @property
    def summary(self) -> str:
        """The decision and what decided it, as one sentence."""
        if self.chosen is None or self.artefact is None:
            return f"Keep: {'; '.join(self.remarks)}."
        return self.chosen.decision.summary

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        chosen = self.chosen
        return {"champion": self.champion.digest, "model": None if self.artefact is None else self.artefact.digest,
                "promotes": self.promotes, "summary": self.summary, "remarks": list(self.remarks),
                "feedback": {"after": self.feedback.cut, "until": self.feedback.end,
                             "rows": round(self.feedback.rows_since(None))},
                "verification": None if self.verification is None else self.verification.to_plain(),
                "chosen": None if chosen is None else chosen.recipe.name,
                "largest_change_from_judged": None if self.change is None else self.change.change,
                "candidates": [one.to_plain() for one in self.candidates],
                "callers": [finding.to_plain() for finding in self.callers],
                "influences": {name: None if found is None else found.change
                               for name, found in self.influences.items()}}


def retrain(champion: Artefact, feedback: NewFeedback, generation: int,
            options: RetrainOptions = RetrainOptions()) -> Retraining:
    """Judge challengers by the newest feedback, and train the chosen recipe on all rows, as the next generation."""
    settings_of(champion, FAILURE)  # before any work
    steps_of(champion, FAILURE)
    used = feedback.without(options.without)
    if not used.blocks:
        return Retraining(champion, used, remarks=(*used.remarks, "there is no complete block of feedback after row "
                                                   f"{used.cut}"))
    report = verify_feedback(champion, used, options.schema)
    verification = verification_of(report, used)
    if verification is not None and not verification.passed and options.force is None:
        return Retraining(champion, used, verification=report,
                          remarks=(*used.remarks, f"verification failed: {verification.summary}"))
    withheld, alarm = used.withheld, None if options.since is not None else _alarm(champion, used, options.rule)
    start = alarm.since if alarm is not None else options.since
    judging = max(options.policy.least_rows, ceil(JUDGING_SHARE * used.rows_since(start)))
    older, newest = split_newest(used.blocks, judging)
    since = options.since if alarm is None else _since(champion, replace(used, blocks=older), alarm, options.rule)
    share = options.largest_share if withheld is None else 1.0
    found, remarks, candidates = recipes(champion.moments, older, since, share), [*used.remarks], []
    if start is not None and len(found) < 2:
        remarks.append(_too_few(older, since or start, START_ROWS * (champion.moments.p + 1), judging, share))
    if withheld is not None and options.largest_share < 1:
        remarks.append(f"no caller's share is capped: {withheld}")
    for recipe in found:
        try:
            candidates.append(_judged(champion, used, recipe, older, newest, options.policy, verification))
        except (DataError, DivergenceError, RateError) as error:
            remarks.append(f"the challenger from {recipe.name} cannot be trained: {error}")
    done = Retraining(champion, used, tuple(candidates), remarks=tuple(remarks), verification=report,
                      callers=tuple(Callers.of(used.blocks).findings(champion.target, options.rule)))
    return _finished(done, generation, options) if candidates else done


def _alarm(champion: Artefact, feedback: NewFeedback, rule: AlarmRule) -> Finding | None:
    """The alarm about the line, or else about its intervals; None for none."""
    return next((found for found in _concept(champion, feedback, rule).findings()
                 if found.alarm and found.since is not None), None)


def _since(champion: Artefact, older: NewFeedback, alarm: Finding, rule: AlarmRule) -> int | None:
    """Serial number of the first row after the change, by the rows to learn from: those that judge choose nothing."""
    concept = _concept(champion, older, rule)
    return (concept.line() if alarm.subject == "line" else concept.coverage()).since


def _concept(champion: Artefact, feedback: NewFeedback, rule: AlarmRule) -> Concept:
    """The tests of the champion's line and intervals."""
    reference = Reference(champion.moments, feedback.cut, allowed_share(champion, rule))
    return Concept(reference, champion.W, champion.b, champion.target, intervals(feedback.blocks), rule)


def _trained(recipe: Recipe, blocks: Sequence[Block], settings: dict[str, Any]) -> tuple[Moments, Fit]:
    """Train a recipe on what it chooses of these blocks."""
    moments = recipe.training(recipe.chosen(blocks))
    if moments is None:
        raise DataError("there are no rows to learn from")
    return moments, fit_again(settings, moments)


def _judged(champion: Artefact, used: NewFeedback, recipe: Recipe, older: Sequence[Block], newest: Sequence[Block],
            policy: GatePolicy, verification: Verification | None) -> Candidate:
    """Train a challenger on the older blocks, and judge it by the newest ones."""
    training, fit = _trained(recipe, older, settings_of(champion, FAILURE))
    withheld = used.withheld
    evidence = Evidence(Line(fit.W, fit.b), training, Line(champion.W, champion.b), champion.moments,
                        [block.rows.moments for block in newest], used.rows_of(newest), verification,
                        callers=() if withheld else caller_effects(recipe, older, newest, used.rows_of),
                        callers_withheld=withheld)
    return Candidate(recipe, evidence, decide(evidence, policy))


def _too_few(older: Sequence[Block], since: int, needed: int, judging: int, share: float) -> str:
    """Say why no challenger learns from the rows since a change alone."""
    later = [block for block in older if block.rows.first >= since]
    rows, kept = (sum(block.rows.moments.n for block in blocks) for blocks in (later, capped(later, 0.0, share)))
    if rows < needed:
        return (f"the rows since row {since} are too few to learn from alone: beside the {judging} that judge, at "
                f"least {needed} are needed")
    return (f"no challenger learns from the rows since row {since} alone: no caller may have more than {share:.0%} of "
            f"them (--cap), which leaves {kept:.0f} of {rows:.0f}, and at least {needed} are needed")


def _finished(done: Retraining, generation: int, options: RetrainOptions) -> Retraining:
    """Choose a challenger, train its recipe on all rows, and check the conditions that need no test rows again."""
    judged = [(one.evidence.challenger, one.decision) for one in done.candidates]
    place = best(judged, done.candidates[0].evidence.test)
    if place is None:  # keep, or promote by force: the one with the least error
        place = best([(line, replace(decision, promote=True)) for line, decision in judged],
                     done.candidates[0].evidence.test) or 0
    chosen = done.candidates[place]
    try:
        moments, fit = _trained(chosen.recipe, done.feedback.blocks, settings_of(done.champion, FAILURE))
    except (DataError, DivergenceError, RateError) as error:
        return replace(done, candidates=(), remarks=(
            *done.remarks, f"the challenger from {chosen.recipe.name} cannot be trained on all rows: {error}"))
    final = replace(chosen.evidence, challenger=Line(fit.W, fit.b), training=moments)
    failed = [Reason(False, f"trained on all rows: {reason.text}")
              for reason in conditions_without_test(final, options.policy) if reason.passed is False]
    decision = chosen.decision if options.force is None else decide(chosen.evidence, options.policy, options.force)
    if failed:
        decision = Decision(options.force is not None, (*decision.reasons, *failed), decision.difference, options.force)
    chosen, line = replace(chosen, decision=decision), chosen.evidence.challenger
    change = LargestDifference.of(moments, fit.W - line.W, fit.b - line.b, options.policy.radius)
    facts = {"parent": done.champion.digest, "recipe": chosen.recipe.name, "since": chosen.recipe.since,
             "without": sorted(options.without), "largest_share": chosen.recipe.largest_share,
             "test_rows": chosen.test_rows, "largest_change_from_judged": change.change,
             "reasons": [reason.text for reason in decision.reasons], "forced": decision.forced}
    artefact = _artefact(done, chosen.recipe, moments, fit, generation)
    candidates = (*done.candidates[:place], chosen, *done.candidates[place + 1:])
    return replace(done, candidates=candidates, chosen=chosen, change=change,
                   artefact=replace(artefact, card={**artefact.card, "retraining": facts}),
                   influences=_influences(moments, chosen.recipe.chosen(done.feedback.blocks)))


def _artefact(done: Retraining, recipe: Recipe, moments: Moments, fit: Fit, generation: int) -> Artefact:
    """Make the model of the recipe on all rows, with its lineage."""
    champion, feedback, blocks = done.champion, done.feedback, recipe.chosen(done.feedback.blocks)
    keeps_rows = recipe.base is not None
    limits = RowLimits.of(champion, keeps_rows, feedback.rows_of(blocks), sum(block.rows.moments.n for block in blocks))
    made = successor(champion, moments, fit, limits, generation)
    known = Lineage.of(champion).blocks if keeps_rows else ()
    digests = Lineage.folded([*known, *(feedback.digests[block] for block in blocks)])
    card = {**made.card, KEY: Lineage(feedback.store, feedback.end, generation, digests).to_card()}
    card.pop(VERIFICATION, None)  # that of the champion's rows
    if done.verification is not None:
        card[VERIFICATION] = Verified.of(done.verification).to_card()
    if not keeps_rows:
        card.pop("unlearned", None)  # of rows that this model never had
    return replace(made, card=card)


def _influences(moments: Moments, chosen: Sequence[Block]) -> dict[str, LargestDifference | None]:
    """How far the chosen rows of each caller move the model."""
    rows = Callers.of(chosen)
    return {} if rows.withheld else {name: influence(moments, own) for name, own in sorted(rows.moments.items())}
