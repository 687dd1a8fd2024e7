"""``FeedbackReport``: what the rows with actual values say about a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import StatisticsError
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.allowed_share import highest_outside_share
from linear_regressor.monitoring.block import Block, Reference, intervals
from linear_regressor.monitoring.callers import Callers, influence
from linear_regressor.monitoring.concept import Concept, Path
from linear_regressor.monitoring.error_series import ErrorPoint, error_points
from linear_regressor.monitoring.finding import Finding, finite

PROMISED_LEVEL = 0.9
NO_PATH = Path((), np.empty(0))


class Caller(NamedTuple):
    """The feedback of one caller since the model's cut."""

    name: str
    rows: int
    # of all feedback rows
    share: float
    # largest change of a prediction by these rows, if the model is trained again with all; None if it cannot be told
    influence: float | None


@dataclass(frozen=True, eq=False)
class FeedbackReport:
    """Tests of the line, its intervals and the callers, with what figures show of them."""

    # rows that were tested
    rows: int = 0
    # stored rows that are equal to an older one under another key
    repeated: int = 0
    concept: tuple[Finding, ...] = ()
    caller_tests: tuple[Finding, ...] = ()
    callers: tuple[Caller, ...] = ()
    errors: tuple[ErrorPoint, ...] = ()
    line_path: Path = NO_PATH
    coverage_path: Path = NO_PATH
    # sentences on what could not be tested
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, artefact: Artefact, cut: int, blocks: Sequence[Block], rule: AlarmRule,
           times: Mapping[int, datetime]) -> FeedbackReport:
        """Test blocks that the model has not seen; ``times`` is when the first row of each was received."""
        if not blocks:
            return cls(remarks=("there is no closed block of feedback that the model has not seen (one closes after at "
                                "least 50 rows), so its line and its intervals are not tested yet",))
        merged, callers = intervals(blocks), Callers.of(blocks)
        concept = Concept(Reference(artefact.moments, cut, allowed_share(artefact, rule)), artefact.W, artefact.b,
                          artefact.target, merged, rule)
        found = [replace(finding, at=times.get(finding.since or 0)) for finding in concept.findings()]
        caller_tests = tuple(callers.findings(artefact.target, rule))
        return cls(round(sum(one.moments.n for one in merged)), 0, tuple(found), caller_tests,
                   _callers(artefact, callers),
                   error_points(merged, artefact.W, artefact.b, times), concept.line_path(), concept.coverage_path(),
                   _caller_remarks(caller_tests) if callers.withheld is None else (callers.withheld,))

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON, without the findings."""
        paths = {"line": self.line_path, "coverage": self.coverage_path}
        return {"rows": self.rows, "repeated": self.repeated, "callers": [one._asdict() for one in self.callers],
                "errors": [point.to_plain() for point in self.errors],
                "paths": {name: {"rows": list(path.ends), "log_e": [finite(value) for value in path.log_e.tolist()]}
                          for name, path in paths.items()}}


def allowed_share(artefact: Artefact, rule: AlarmRule) -> float | None:
    """Highest allowed share of rows outside their 90 % intervals; None without such an interval, or if all may be.

    It is computed here, not read from the file: its probability depends on alpha and on the generation.
    """
    levels = artefact.quantiles["levels"]
    if PROMISED_LEVEL not in levels:
        return None
    share = highest_outside_share(artefact.moments.n - artefact.moments.p - 1,
                                  artefact.quantiles["t"][levels.index(PROMISED_LEVEL)], rule.uncertainty)
    return share if share < 1.0 else None


def _callers(artefact: Artefact, callers: Callers) -> tuple[Caller, ...]:
    """Rows and influence of each caller."""
    if not callers.moments:
        return ()
    feedback = reduce(Moments.__add__, callers.moments.values())
    return tuple(Caller(name, round(moments.n), moments.n / feedback.n,
                        _influence(artefact.moments + feedback, moments))
                 for name, moments in sorted(callers.moments.items()))


def _caller_remarks(tests: Sequence[Finding]) -> tuple[str, ...]:
    """Which caller to look at first: one with false rows makes the others contradict the rest, too."""
    alarms = [finding for finding in tests if finding.alarm]
    if len(alarms) < 2:
        return ()
    first = max(alarms, key=lambda finding: finding.log_e or 0.0)
    return (f"{len(alarms)} callers contradict the others, perhaps because of one of them: look at the rows of "
            f"{first.name} first, where the evidence is strongest",)


def _influence(challenger: Moments, caller: Moments) -> float | None:
    """Size of the largest change of a prediction by a caller's rows."""
    try:
        largest = influence(challenger, caller)
    except StatisticsError:
        return None
    return None if largest is None else abs(largest.change)
