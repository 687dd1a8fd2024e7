"""``monitor``: all tests of the model in use in one report, from feedback and traffic that others have read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.lineage import Lineage
from linear_regressor.artefact.promotion import Promotions
from linear_regressor.artefact.provenance import Provenance
from linear_regressor.errors import ArtefactError
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.block import Block, since_cut
from linear_regressor.monitoring.feedback_report import FeedbackReport
from linear_regressor.monitoring.finding import Finding
from linear_regressor.monitoring.traffic_file import TrafficFile
from linear_regressor.monitoring.traffic_report import TrafficReport

# A block's first serial number, caller and answering model.
BlockKey = tuple[int, str | None, str]

# Of the report, the newest first.
LAST_PROMOTIONS = 10
# Champions before the model in use that its lineage lists.
LAST_ANCESTORS = 10
NO_STORE = FeedbackReport(remarks=("there is no store of feedback, so only the inputs are tested",))
NOTHING = FeedbackReport(remarks=("there is no store of feedback, so the line and the intervals are not tested",))
NO_TRAFFIC = TrafficReport(remarks=("there is no record of traffic, so the inputs are not tested",))


@dataclass(frozen=True, eq=False)
class MonitoringReport:
    """What feedback and traffic say about a model."""

    # digest of the model
    model: str
    features: tuple[str, ...]
    target: str
    lineage: Lineage
    feedback: FeedbackReport
    traffic: TrafficReport
    made: datetime
    # sentences on what the report was made of
    notes: tuple[str, ...] = ()
    promotions: Promotions = Promotions()
    # where the model comes from; None if that is not told
    provenance: Provenance | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Tests of the line, its intervals, the inputs and the callers."""
        return (*self.feedback.concept, *self.traffic.tests, *self.feedback.caller_tests)

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """Findings that are certain and large enough to matter."""
        return tuple(finding for finding in self.findings if finding.alarm)

    @property
    def drift(self) -> bool:
        """Whether there is an alarm."""
        return bool(self.alarms)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on what was tested, and on what could not be."""
        return (*self.notes, *self.feedback.remarks, *self.traffic.remarks)

    def traced(self, find: Callable[[], Provenance]) -> MonitoringReport:
        """Add where the model comes from, or a note why that cannot be told: a damaged card concerns no test."""
        try:
            return replace(self, provenance=find())
        except ArtefactError as error:
            return replace(self, notes=(*self.notes, f"the lineage cannot be shown: {error}"))

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"made": self.made.isoformat(), "model": self.model, "features": list(self.features),
                "target": self.target, "generation": self.lineage.generation, "cut": self.lineage.cut,
                "drift": self.drift, "findings": [finding.to_plain() for finding in self.findings],
                "sizes": [finding.to_plain() for finding in self.traffic.sizes], "remarks": list(self.remarks),
                "feedback": self.feedback.to_plain(), "traffic": self.traffic.to_plain(),
                "promotions": [one.to_plain() for one in self.promotions[:-1 - LAST_PROMOTIONS:-1]],
                "lineage": None if self.provenance is None else self.provenance.to_plain()}


def monitor(artefact: Artefact, lineage: Lineage, blocks: Sequence[Block] | None,
            outside: Mapping[BlockKey, int] | None, traffic: TrafficFile | None, rule: AlarmRule = AlarmRule(),
            since: int | None = None, *, start: datetime | None = None, repeated: int = 0,
            times: Mapping[int, datetime] | None = None) -> MonitoringReport:
    """Test everything that is known of a model; ``blocks`` is None without a store, ``traffic`` without a record.

    ``since`` leaves out feedback before a serial number, and ``start`` traffic before a time; ``times`` is when the
    first row of each block was received.
    """
    # The first model has all of alpha, and all later ones together half of it.
    if lineage.generation > 1 and rule.generation is None:
        rule = replace(rule, generation=lineage.generation)
    feedback = NOTHING if traffic is None else NO_STORE
    if blocks is not None:
        later = [_counted(block, outside or {}) for block in since_cut(blocks, lineage.cut)
                 if since is None or block.rows.first >= since]
        feedback = FeedbackReport.of(artefact, lineage.cut, later, rule, times or {})
    return MonitoringReport(artefact.digest, artefact.features, artefact.target, lineage,
                            replace(feedback, repeated=repeated),
                            NO_TRAFFIC if traffic is None else TrafficReport.of(artefact, traffic, rule, start),
                            datetime.now(UTC))


def _counted(block: Block, outside: Mapping[BlockKey, int]) -> Block:
    """Add the number of rows outside the intervals of the monitored model."""
    count = outside.get((block.rows.first, block.principal, block.model))
    return replace(block, rows=replace(block.rows, outside=count))
