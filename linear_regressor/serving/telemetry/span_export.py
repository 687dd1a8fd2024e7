"""``SpanExport``: a span for each request, sent to a collector by OpenTelemetry."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from linear_regressor.errors import ServerError
from linear_regressor.serving.http.call import Call
from linear_regressor.serving.telemetry.probes import is_probe
from linear_regressor.serving.telemetry.trace_context import TraceContext, continued

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

SERVICE = "linear-regressor"
_KEY = "linear_regressor.span"


class SpanExport:
    """Makes spans and sends them in the background, in each worker on its own.

    Where to and how stands in OpenTelemetry's own ``OTEL_`` variables. Probes and scrapes have no span.

    Raises
    ------
    ServerError
        If OpenTelemetry is not installed.
    """

    def __init__(self) -> None:
        try:
            import_module("opentelemetry.sdk.trace")
            import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        except ModuleNotFoundError:
            raise ServerError("OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: "
                              "pip install 'linear-regressor[tracing]', or unset it") from None
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None

    def start(self) -> None:
        """Begin to export; to be called in the process that answers, since its thread does not survive a fork."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        told = OTELResourceDetector().detect().attributes
        self._provider = TracerProvider(resource=Resource.create({"service.name": SERVICE, **told}),
                                        shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(SERVICE)

    def stop(self) -> None:
        """Send what is left, and end."""
        provider, self._provider, self._tracer = self._provider, None, None
        if provider is not None:
            provider.shutdown()

    def begin(self, call: Call, caller: TraceContext | None) -> TraceContext:
        """Begin the span of a request.

        Parameters
        ----------
        call : Call
            The request.
        caller : TraceContext or None
            Where it was sent.

        Returns
        -------
        TraceContext
            The span.
        """
        environ = call.environ
        if self._tracer is None or is_probe(environ["PATH_INFO"]):
            return continued(caller)
        from opentelemetry.trace import SpanKind

        span = self._tracer.start_span(environ["REQUEST_METHOD"], _parent(caller), SpanKind.SERVER)
        environ[_KEY] = span
        place = span.get_span_context()
        return TraceContext(f"{place.trace_id:032x}", f"{place.span_id:016x}", place.trace_flags.sampled)

    def end(self, call: Call) -> None:
        """End the span of a request, and say in it what came of it.

        Parameters
        ----------
        call : Call
            The request, answered.
        """
        span: Span | None = call.environ.pop(_KEY, None)
        if span is None:
            return
        method = call.environ["REQUEST_METHOD"]
        span.update_name(f"{method} {call.route}")
        span.set_attributes({
            "http.request.method": method, "http.route": call.route, "http.response.status_code": call.status,
            "url.path": call.environ["PATH_INFO"], "url.scheme": call.environ["wsgi.url_scheme"],
            "linear_regressor.request_id": call.request_id, "linear_regressor.rows": call.rows,
            "linear_regressor.model_version": call.model})
        if call.status >= 500:
            from opentelemetry.trace import StatusCode

            span.set_status(StatusCode.ERROR)
        span.end()


def _parent(caller: TraceContext | None) -> Context:
    """Give OpenTelemetry the caller's place in the trace."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    if caller is None:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED if caller.sampled else TraceFlags.DEFAULT)
    place = SpanContext(int(caller.trace_id, 16), int(caller.span_id, 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(place), Context())
