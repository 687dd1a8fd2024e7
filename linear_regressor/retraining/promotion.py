"""Promotion of a version through the gate: judge it beside the champion, and record the decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.lineage import Lineage
from linear_regressor.artefact.promotion import Promotion, Promotions
from linear_regressor.data.missing import MissingRows
from linear_regressor.data.source import Partition
from linear_regressor.errors import MomentsError
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.store.feedback_store import FeedbackStore
from linear_regressor.retraining.difference import Line
from linear_regressor.retraining.gate import Decision, Evidence, GatePolicy, Reason, Verification, decide
from linear_regressor.retraining.new_feedback import NewFeedback
from linear_regressor.training.compare_models import in_order_of
from linear_regressor.training.engine import LocalEngine
from linear_regressor.training.partition_moments import total
from linear_regressor.training.reading import read_partitions
from linear_regressor.verification.finding import VerificationReport
from linear_regressor.verification.verified import Verified

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class UnseenRows:
    """Rows that neither model has learned from, with the columns in the order of the champion's features."""

    # in blocks
    moments: Sequence[Moments] = ()
    # the same rows, one by one; None if they cannot be read
    rows: Iterable[tuple[Array, Array]] | None = None
    # serial number of the last one in the feedback store, and the identity of that; 0 and None for other rows
    end: int = 0
    store: str | None = None
    # rows of files that were left out; None if such rows are faults
    missing: MissingRows | None = None

    @classmethod
    def stored(cls, store: FeedbackStore, champion: Artefact, challenger: Artefact, lineage: Lineage) -> UnseenRows:
        """Take the feedback after the cuts of both models; ``lineage`` is that of the champion."""
        feedback, own = NewFeedback.of(store, champion, lineage), Lineage.of(challenger)
        cut = own.cut if own.store == feedback.store else 0
        blocks = [block for block in feedback.blocks if block.rows.first > cut]
        return cls([block.rows.moments for block in blocks], feedback.rows_of(blocks), feedback.end,
                   feedback.store)

    @classmethod
    def read(cls, partitions: Sequence[Partition], report: Callable[[int], None],
             allow_duplicates: bool = False) -> UnseenRows:
        """Read the moments now, and the rows when they are compared."""
        parts = read_partitions(partitions, LocalEngine(), report, allow_duplicates=allow_duplicates)
        blocks = (block for partition in partitions for block in partition.blocks())
        return cls([part.training.moments for part in parts if part.training is not None],
                   ((block[:, :-1], block[:, -1]) for block in blocks), missing=total(parts).missing)


def verification_of(challenger: Artefact, report: VerificationReport | None, name: str) -> Verification | None:
    """What a report of this name says of the challenger's training rows, or else its card; None for neither."""
    if report is None:
        found = Verified.of_card(challenger.card)
        by = "retrain checked feedback," if "retraining" in challenger.card else "train checked"
        return None if found is None else Verification(found.passed, f"{by} {found.summary}")
    found, rows = Verified.of(report), challenger.moments.n
    if found.rows < rows and "retraining" not in challenger.card:
        return Verification(False, f"the report {name} is about {found.rows} rows of {report.data}, but the model "
                                   f"learned from {rows:.0f}")
    return Verification(found.passed, f"the report {name} is about {report.data}, {found.summary}")


def judge(challenger: Artefact, champion: Artefact | None, test: UnseenRows, policy: GatePolicy = GatePolicy(),
          force: str | None = None, verification: Verification | None = None) -> Decision:
    """Ask the gate about two models; one of other columns than the champion's is promoted by force only."""
    if champion is None:
        return decide(Evidence(Line(challenger.W, challenger.b), challenger.moments, None, None, test.moments,
                               test.rows, verification), policy, force)
    try:
        training, W = in_order_of(champion, challenger)
    except MomentsError as error:
        return Decision(force is not None, (Reason(False, str(error)),), None, force)
    return decide(Evidence(Line(W, challenger.b), training, Line(champion.W, champion.b), champion.moments,
                           test.moments, test.rows, verification), policy, force)


def promote(history: ModelHistory, before: Promotions, challenger: Artefact, decision: Decision, by: str,
            cut: int = 0, store: str | None = None) -> Promotion:
    """Record a decision on a version: promote it, or keep the champion.

    ``before`` are the promotions that the decision was made from: a ConflictError if another one came meanwhile.
    """
    return history.promote(before.next(
        "promote" if decision.promote else "keep", challenger, by=by, cut=cut, store=store, forced=decision.forced,
        reasons=[reason.text for reason in decision.reasons], evidence=_evidence(decision)))


def _evidence(decision: Decision) -> dict[str, Any]:
    """The compared errors as plain values."""
    found = decision.difference
    if found is None or not (isfinite(found.mean) and isfinite(found.standard_error)):
        return {}
    return {"difference": asdict(found)}
