"""``observe``: the report of a model from its feedback store and its record of traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.lineage import Lineage
from linear_regressor.artefact.promotion import Promotions
from linear_regressor.cleaning.steps import same_steps
from linear_regressor.errors import MomentsError, StoreError
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.report import MonitoringReport, monitor
from linear_regressor.monitoring.store.feedback import StoredBlock
from linear_regressor.monitoring.store.feedback_store import FeedbackStore
from linear_regressor.monitoring.traffic_file import TrafficFile
from linear_regressor.monitoring.traffic_folder import load_folder


def observe(artefact: Artefact, lineage: Lineage, store: FeedbackStore | None, traffic: TrafficFile | None,
            rule: AlarmRule = AlarmRule(), since: int | datetime | None = None, *,
            promotions: Promotions = Promotions(), notes: Sequence[str] = ()) -> MonitoringReport:
    """Close complete blocks of the store, and test what the model has not seen.

    ``since``: a serial number, before which feedback is left out, or a time, before which traffic is, too.
    ``promotions`` and ``notes`` are shown with the report.
    """
    start = since if isinstance(since, datetime) else None
    if store is None:
        return replace(monitor(artefact, lineage, None, None, traffic, rule, start=start), notes=tuple(notes),
                       promotions=promotions)
    require_same_columns(artefact, store)
    require_numbering(lineage, store)
    if lineage.store not in (None, store.identity):
        notes = (*notes, "the model learned from another store of feedback, so all rows of this one are tested")
        lineage = replace(lineage, cut=0)
    store.cut_blocks()
    stored = store.blocks(after=lineage.cut)
    times = {one.block.rows.first: one.since for one in reversed(stored)}
    serial = _serial(stored, since) if isinstance(since, datetime) else since
    report = monitor(artefact, lineage, [one.block for one in stored], store.outside(artefact, after=lineage.cut),
                     traffic, rule, serial, start=start, repeated=store.repeated(), times=times)
    return replace(report, notes=tuple(notes), promotions=promotions)


def read_traffic(path: Path, model: str) -> TrafficFile | None:
    """Read a traffic file, or a model's traffic in a server's folder, else that of the latest model in it."""
    if not path.is_dir():
        return TrafficFile.load(path)
    found = load_folder(path)
    return next((one for one in found if one.model == model), found[-1] if found else None)


def require_same_columns(artefact: Artefact, store: FeedbackStore) -> None:
    """Reject feedback of other features or another target."""
    if store.features is None:
        return
    theirs, ours = (f"{target} from {', '.join(features)}" for features, target in (
        (store.features, store.target), (artefact.features, artefact.target)))
    if theirs != ours:
        raise MomentsError(f"the store {store.location} has feedback on {theirs}, but the model predicts {ours}: name "
                           "the store of this model")
    if not same_steps(artefact.cleaning, store.cleaning):
        raise MomentsError(f"the store {store.location} has feedback that was cleaned by other steps than those of the "
                           "model: name the store of this model")


def require_numbering(lineage: Lineage, store: FeedbackStore) -> None:
    """Reject a store that gives new rows the serial numbers of rows that the model has learned from."""
    if lineage.store == store.identity and store.numbered() < lineage.cut:
        raise StoreError(f"the feedback store {store.location} ends at row {store.numbered()}, but the model has "
                         f"learned from its rows up to {lineage.cut}, so it was restored from a backup: run "
                         f"'linear-regressor store continue --after {lineage.cut}', or its next rows would be taken "
                         "for old ones")


def _serial(stored: Sequence[StoredBlock], since: datetime) -> int:
    """Serial number of the first row of the first block that was received after a time."""
    later = [one.block.rows.first for one in stored if one.since >= since]
    return min(later) if later else 1 + max((one.block.rows.last for one in stored), default=0)
