"""``Telemetry``: metrics, access log and tracing as one before- and one after-request hook."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from linear_regressor.serving.middleware.request_context import RequestContext
from linear_regressor.serving.observability.access_log import AccessLog, LineWriter
from linear_regressor.serving.observability.tracing import RequestTracing, SpanExport
from linear_regressor.serving.probes import Probes
from linear_regressor.serving.settings import TelemetrySettings

if TYPE_CHECKING:
    from linear_regressor.serving.observability.metrics import Metrics

logger = logging.getLogger(__name__)

Step = Callable[[RequestContext], None]


class Telemetry:
    """Runs the steps for each request; a step that fails is logged once and affects nothing else."""

    def __init__(self, settings: TelemetrySettings, metrics: Metrics, spans: SpanExport | None, lines: LineWriter,
                 probes: Probes) -> None:
        tracing = RequestTracing(settings.project, spans, probes)
        access_log = [AccessLog(lines, probes).write] if settings.access_log == "on" else []
        self._at_begin: list[Step] = [metrics.begin, tracing.begin]
        self._at_end: list[Step] = [metrics.end, *access_log, tracing.end]
        self._failed: set[Step] = set()

    def begin(self, context: RequestContext) -> None:
        """Before-request hook; rejects nothing."""
        self._run(self._at_begin, context)

    def end(self, context: RequestContext) -> None:
        """After-request hook."""
        self._run(self._at_end, context)

    def _run(self, steps: Sequence[Step], context: RequestContext) -> None:
        for step in steps:
            try:
                step(context)
            except Exception:  # of any kind: the response matters more
                if step not in self._failed:
                    self._failed.add(step)
                    logger.exception("telemetry failed; further failures of this kind are not logged")
