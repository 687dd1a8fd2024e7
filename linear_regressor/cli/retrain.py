"""``linear-regressor retrain``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linear_regressor.artefact.model_location import BucketUrl, location_of
from linear_regressor.cli import options
from linear_regressor.cli.models import by_option, models_option, not_empty
from linear_regressor.cli.options import Serial, finite
from linear_regressor.cli.tracked import follow, open_store, record_run, track_option

if TYPE_CHECKING:
    from linear_regressor.monitoring.store.location import StoreLocation
    from linear_regressor.retraining.retrain import Candidate, Retraining
    from linear_regressor.retraining.run import Run
    from linear_regressor.tracking.run import Run as TrackedRun
    from linear_regressor.verification.finding import VerificationReport

KEPT, UNUSABLE = 4, 5
MARKS = {True: "+", False: "-", None: " "}


@click.command()
@models_option
@options.store(required=True)
@click.option("--since", metavar="SERIAL", type=Serial(), show_default="since an alarm of 'monitor'",
              help="First row after a change: the rows since then are a challenger of their own.")
@click.option("--without", metavar="CALLER", multiple=True, show_default="none",
              help="Caller whose rows are left out; can be repeated.")
@click.option("--cap", metavar="SHARE", type=click.FloatRange(0, 1, min_open=True), callback=finite, default=0.6,
              show_default=True, help="Share of a challenger's rows that one caller may have; its oldest rows are left "
                                      "out first. 1 for no cap.")
@click.option("--when-drifted", is_flag=True, help="Do nothing unless 'monitor' finds drift.")
@click.option("--traffic", type=click.Path(path_type=Path), show_default="none",
              help="Record of traffic for --when-drifted, as for 'monitor'.")
@options.schema("the feedback is verified against its numbers; without it by the checks that need none.")
@click.option("--min-r2", metavar="FLOAT", type=float, callback=finite, default=0.0, show_default=True,
              help="Least R2 on the rows that judge.")
@click.option("--margin", metavar="FLOAT", type=float, callback=finite, default=0.0, show_default=True,
              help="By how much the challenger's mean squared error may exceed the champion's, in squared units of the "
                   "target, with 95 % confidence.")
@click.option("--min-rows", type=click.IntRange(min=2), default=100, show_default=True,
              help="Least number of rows that judge; half of the rows since the change, if these are more.")
@click.option("--max-change", metavar="FLOAT", type=click.FloatRange(min=0), callback=finite, show_default="any",
              help="Largest allowed change of a prediction in the range of the champion's rows, in the target's unit.")
@click.option("--max-gap", metavar="FLOAT", type=click.FloatRange(min=0), callback=finite, default=1e-6,
              show_default=True, help="Largest share of its loss by which a challenger may miss the best line.")
@click.option("--dry-run", is_flag=True, help="Print the decision without recording it.")
@click.option("--force", metavar="REASON", callback=not_empty, show_default="none",
              help="Promote the best challenger although the gate refuses; the reason is recorded.")
@by_option
@track_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def retrain(context: click.Context, location: str, store: StoreLocation, since: int | None, without: tuple[str, ...],
            cap: float, when_drifted: bool, traffic: Path | None, schema: Path | None, min_r2: float, margin: float,
            min_rows: int, max_change: float | None, max_gap: float, dry_run: bool, force: str | None, by: str | None,
            track: bool, as_json: bool) -> None:
    """Train the model in use again with new feedback.

    The champion of --models and the feedback in --store that it has not seen make one or two challengers: from all
    rows, and from those since a change. They learn from the older feedback, and the newest rows compare them with the
    champion. The chosen one is trained on all rows, which is the model that 'train' would make of them. If it is
    better, it becomes the champion, and a running server takes it from a local folder within two seconds.

    The feedback is verified first. An error in it ends the command, and nothing is recorded, except with --force.

    Prints each challenger with every condition: + holds, - fails. The exit code is 0 if the new model is promoted, or
    would be with --dry-run, or if there is no drift with --when-drifted; 4 if the champion stays; 5 if the feedback
    failed its verification; 1 if something cannot be read or somebody else promoted a model first, and then nothing was
    changed.

    \b
    Example:
      linear-regressor retrain --models models/linear-regressor --store sqlite:///feedback.db --when-drifted
    """
    if traffic is not None and not when_drifted:
        raise click.UsageError("--traffic needs --when-drifted.", context)
    # Before NumPy is imported: the tests solve thousands of small systems, which several threads make slower.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from linear_regressor.artefact.history import ModelHistory
    from linear_regressor.artefact.promotion import user_name
    from linear_regressor.monitoring.store import open_store as open_feedback
    from linear_regressor.retraining.gate import GatePolicy
    from linear_regressor.retraining.retrain import RetrainOptions
    from linear_regressor.retraining.run import run
    from linear_regressor.verification.schema import Schema

    required = None if schema is None else Schema.load(schema)
    policy = GatePolicy(margin, min_r2, max_gap, max_change, least_rows=min_rows)
    mlflow, history = open_store(track, location), ModelHistory.of(location)
    now, began = datetime.now(UTC), time.monotonic()
    chosen = RetrainOptions(since, without, cap, policy, force, required)
    done = run(history, open_feedback(store), chosen, by or user_name(), when_drifted=when_drifted, traffic=traffic,
               dry_run=dry_run)
    tracked = _tracked(done, history.name, now, time.monotonic() - began)
    if tracked is not None:
        if not isinstance(location_of(location), BucketUrl):
            record_run(tracked, Path(history.name, tracked.artefact.digest[:12]))
        follow(mlflow, history, tracked)
    click.echo(json.dumps(_plain(done), indent=1, allow_nan=False) if as_json else "\n".join(_lines(done)))
    context.exit(0 if done.retraining is None or done.retraining.promotes else
                 UNUSABLE if done.retraining.unusable else KEPT)


def _tracked(done: Run, models: str, now: datetime, seconds: float) -> TrackedRun | None:
    """The run to record, with the decision; None if no model was added."""
    from linear_regressor.tracking.run import Run

    found, promotion = done.retraining, done.promotion
    if promotion is None or found is None or found.artefact is None:
        return None
    feedback = f"feedback {found.feedback.cut + 1} to {found.feedback.end} of store {found.feedback.store}"
    return Run("retrain", found.artefact, f"{models.rstrip('/')}/{promotion.to_version}", feedback, now, seconds,
               facts={"decision": {"action": promotion.action, "promotion": promotion.number, "by": promotion.by,
                                   "parent": done.champion.digest, "summary": found.summary}})


def _lines(done: Run) -> Iterator[str]:
    """What was found and done, as text."""
    if done.report is not None and done.report.drift:
        yield from (f"drift       {alarm.title}: {alarm.advice}" for alarm in done.report.alarms)
    if done.retraining is None:
        yield f"no drift: {done.champion.digest[:12]} stays in use"
        return
    found = done.retraining
    yield f"champion    {found.champion.digest[:12]}, number {done.before.generation} of its history"
    rows = sum(block.rows.moments.n for block in found.feedback.blocks)
    yield f"feedback    {rows:.0f} rows in complete blocks from row {found.feedback.cut + 1} to {found.feedback.end}"
    if found.verification is not None:
        yield from _verification_lines(found.verification)
    for candidate in found.candidates:
        yield from _candidate_lines(candidate)
    yield from _caller_lines(found)
    yield from (f"note        {remark}" for remark in found.remarks)
    if found.artefact is not None and found.change is not None and found.chosen is not None:
        yield (f"new model   {found.artefact.digest[:12]} from {found.chosen.recipe.name}, "
               f"{found.artefact.moments.n:.0f} of them; no prediction in their range differs by more than "
               f"{abs(found.change.change):.3g} from that of the challenger which was judged")
    yield f"decision    {found.summary}"
    if done.promotion is not None:
        yield f"recorded    {done.promotion.action} {done.promotion.number:06d}, {done.promotion.to_version}"
    elif found.artefact is not None:
        yield "recorded    nothing: this is a dry run"


def _verification_lines(report: VerificationReport) -> Iterator[str]:
    """What the verification of the feedback found, and which checks it left out."""
    from linear_regressor.verification.verified import Verified

    yield f"verified    {Verified.of(report).summary}"
    yield from (f"skipped     {reason}" for reason in report.skipped)
    for finding in report.findings:
        rows = f"; rows {', '.join(map(str, finding.rows))}" if finding.rows else ""
        yield f"{finding.severity.value:<11} {finding.message}{rows}"


def _candidate_lines(candidate: Candidate) -> Iterator[str]:
    """A challenger with every condition."""
    since = "" if candidate.recipe.since is None else f", from row {candidate.recipe.since}"
    yield (f"challenger  {candidate.recipe.name}{since}: learned from {candidate.evidence.training.n:.0f} rows, judged "
           f"by {candidate.test_rows}")
    yield from (f"          {MARKS[reason.passed]} {reason.text}" for reason in candidate.decision.reasons)


def _caller_lines(found: Retraining) -> Iterator[str]:
    """The test of each caller, and how far its rows move the new model."""
    from linear_regressor.cli.monitor_text import evidence_of  # imports NumPy

    for finding in found.callers:
        influence = found.influences.get(finding.name)
        moved = "" if influence is None else f"; its rows move a prediction of the new model by {influence.change:+.3g}"
        yield (f"caller      {finding.name}: {'contradicts the others' if finding.alarm else 'no contradiction'}, "
               f"e-value {evidence_of(finding)}{moved}")


def _plain(done: Run) -> dict[str, Any]:
    """What was found and done, as plain values."""
    promotion = done.promotion
    return {"drift": None if done.report is None else done.report.drift,
            "retraining": None if done.retraining is None else done.retraining.to_plain(),
            "promotion": None if promotion is None else {"number": promotion.number, "action": promotion.action,
                                                         "from": promotion.from_version, "to": promotion.to_version}}
