"""``Telemetry``: everything that is told of a request, as one guard and one watcher of ``Front``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from linear_regressor.serving.middleware.request_context import RequestContext
from linear_regressor.serving.observability.access_log import AccessLog, LineWriter
from linear_regressor.serving.observability.tracing import SpanExport, Traces
from linear_regressor.serving.probes import Probes
from linear_regressor.serving.settings import TelemetrySettings

if TYPE_CHECKING:
    from linear_regressor.serving.observability.metrics import Metrics

logger = logging.getLogger(__name__)

Step = Callable[[RequestContext], None]


class Telemetry:
    """Takes each step for each request; one that fails is logged once and fails nothing else."""

    def __init__(self, at_begin: Sequence[Step], at_end: Sequence[Step]) -> None:
        self._at_begin, self._at_end = tuple(at_begin), tuple(at_end)
        self._told: set[Step] = set()

    def begin(self, context: RequestContext) -> None:
        """Take the steps at the begin of a request; as a guard it refuses none."""
        self._take(self._at_begin, context)

    def end(self, context: RequestContext) -> None:
        """Take the steps at the end of a request."""
        self._take(self._at_end, context)

    def _take(self, steps: Sequence[Step], context: RequestContext) -> None:
        """Take steps, each whatever became of the others."""
        for step in steps:
            try:
                step(context)
            except Exception:  # whatever it is, the answer is more important
                if step not in self._told:
                    self._told.add(step)
                    logger.exception("telemetry failed; told this once")


def telemetry_of(settings: TelemetrySettings, metrics: Metrics, spans: SpanExport | None,
                 lines: LineWriter, probes: Probes) -> Telemetry:
    """Put together what these settings ask for."""
    traces = Traces(settings.project, spans, probes)
    log = [AccessLog(lines, probes).write] if settings.access_log == "on" else []
    return Telemetry([metrics.begin, traces.begin], [metrics.end, *log, traces.end])
