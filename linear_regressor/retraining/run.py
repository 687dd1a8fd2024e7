"""``run``: one turn of retraining on a history and a store, from the promotions that it reads to the one it records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.code_commit import code_facts
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.promotion import Promotion, Promotions
from linear_regressor.errors import ArtefactError
from linear_regressor.monitoring.observe import observe, read_traffic
from linear_regressor.monitoring.report import MonitoringReport
from linear_regressor.monitoring.store.feedback_store import FeedbackStore
from linear_regressor.output_file import locked
from linear_regressor.retraining.new_feedback import NewFeedback
from linear_regressor.retraining.promotion import promote
from linear_regressor.retraining.retrain import Retraining, RetrainOptions, retrain


@dataclass(frozen=True, eq=False)
class Run:
    """What one run found and did."""

    before: Promotions
    champion: Artefact
    # None unless drift was required
    report: MonitoringReport | None = None
    # None without the drift that was required
    retraining: Retraining | None = None
    # None if nothing was recorded
    promotion: Promotion | None = None


def run(history: ModelHistory, store: FeedbackStore, options: RetrainOptions, by: str, *, when_drifted: bool = False,
        traffic: Path | None = None, dry_run: bool = False) -> Run:
    """Retrain the champion, and record the decision unless this is a dry run.

    Each step leaves history and champion whole: the new version is added before the promotion, which is one new object.
    A killed run has no effect but perhaps a version that is not in use; the next run begins anew.
    """
    with _one_at_a_time(history):
        before = history.promotions()
        if before.champion is None:
            raise ArtefactError(f"{history.name} has no model in use to retrain: put a first one into use with "
                                f"'linear-regressor models promote MODEL --models {history.name}'")
        champion = history.load(before.champion)
        lineage = history.lineage(before, champion)
        if before.generation > 1:  # as in monitor()
            options = replace(options, rule=replace(options.rule, generation=before.generation))
        started = Run(before, champion)
        if when_drifted:
            record = None if traffic is None else read_traffic(traffic, champion.digest)
            started = replace(started, report=observe(champion, lineage, store, record, options.rule))
            if started.report is not None and not started.report.drift:
                return started
        done = retrain(champion, NewFeedback.of(store, champion, lineage), before.generation + 1, options)
        started = replace(started, retraining=done)
        if dry_run or done.artefact is None or done.chosen is None:
            return started
        history.add(done.artefact, {"retrained_at": datetime.now(UTC).isoformat(timespec="seconds"),
                                    "retrained_by": by, **code_facts()})
        promotion = promote(history, before, done.artefact, done.chosen.decision, by, done.feedback.end,
                            done.feedback.store)
        return replace(started, promotion=promotion)


@contextmanager
def _one_at_a_time(history: ModelHistory) -> Iterator[None]:
    """Let a second run on a local folder wait, and begin with the champion of the first.

    In a bucket both run, and the promotion decides, which is created only once: the second run fails and can be
    repeated.
    """
    if "://" in history.name:
        yield
        return
    with locked(Path(history.name) / "promotions"):
        yield
