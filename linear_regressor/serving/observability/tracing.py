"""``Traces``: which trace each request belongs to, told to whoever reads logs and to the caller."""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from linear_regressor.errors import ServerError
from linear_regressor.json_logs import request_fields
from linear_regressor.serving.middleware.request_context import RequestContext
from linear_regressor.serving.probes import Probes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_TRACE, _SPAN = "(?!0{32})([0-9a-f]{32})", "(?!0{16})([0-9a-f]{16})"
# Version 00 ends after the flags; later ones may add to it, and ff is none.
_TRACEPARENT = re.compile(f"(?!ff)[0-9a-f]{{2}}-{_TRACE}-{_SPAN}-([0-9a-f]{{2}})(-.*)?")
_CLOUD = re.compile("(?!0{32})([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]{1,3}))?")


class TraceContext(NamedTuple):
    """A place in a trace."""

    # 32 hexadecimal digits, not all zero
    trace_id: str
    # 16 hexadecimal digits; all zero where the place is not known
    span_id: str
    # whether whoever began the trace keeps it
    sampled: bool

    @property
    def traceparent(self) -> str:
        """The same as a header."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def caller_of(environ: WSGIEnvironment) -> TraceContext | None:
    """Read where in which trace a request was sent: ``traceparent``, else ``X-Cloud-Trace-Context``."""
    given = environ.get("HTTP_TRACEPARENT")
    if given is not None and (found := _TRACEPARENT.fullmatch(given)) and (given[:2] != "00" or found[4] is None):
        return TraceContext(found[1], found[2], int(found[3], 16) % 2 == 1)
    cloud = environ.get("HTTP_X_CLOUD_TRACE_CONTEXT")
    if cloud is not None and (found := _CLOUD.fullmatch(cloud)):
        span = int(found[2] or 0)
        return TraceContext(found[1].lower(), f"{span if span < 1 << 64 else 0:016x}", int(found[3] or 0) % 2 == 1)
    return None


def continued(caller: TraceContext | None) -> TraceContext:
    """Draw the place of a request in its caller's trace, or in a new one, which nobody keeps."""
    if caller is None:
        drawn = os.urandom(24).hex()
        return TraceContext(drawn[:32], drawn[32:], False)
    return TraceContext(caller.trace_id, os.urandom(8).hex(), caller.sampled)


SERVICE = "linear-regressor"
_KEY = "linear_regressor.span"


class SpanExport:
    """Makes spans and sends them in the background, in each worker on its own.

    Where to and how stands in OpenTelemetry's own ``OTEL_`` variables. Probes and scrapes have no span.
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

    def begin(self, context: RequestContext, caller: TraceContext | None) -> TraceContext:
        """Begin the span of a request."""
        environ = context.environ
        if self._tracer is None:
            return continued(caller)
        from opentelemetry.trace import SpanKind

        span = self._tracer.start_span(environ["REQUEST_METHOD"], _parent(caller), SpanKind.SERVER)
        environ[_KEY] = span
        place = span.get_span_context()
        return TraceContext(f"{place.trace_id:032x}", f"{place.span_id:016x}", place.trace_flags.sampled)

    def end(self, context: RequestContext) -> None:
        """End the span of a request, and say in it what came of it."""
        span: Span | None = context.environ.pop(_KEY, None)
        if span is None:
            return
        method = context.environ["REQUEST_METHOD"]
        span.update_name(f"{method} {context.route}")
        span.set_attributes({
            "http.request.method": method, "http.route": context.route, "http.response.status_code": context.status,
            "url.path": context.environ["PATH_INFO"], "url.scheme": context.environ["wsgi.url_scheme"],
            "linear_regressor.request_id": context.request_id, "linear_regressor.rows": context.rows,
            "linear_regressor.model_version": context.model})
        if context.status >= 500:
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


class Traces:
    """Finds or draws the trace of each request; exports a span of it where that is wanted."""

    def __init__(self, project: str, export: SpanExport | None, probes: Probes) -> None:
        self._prefix = f"projects/{project}/traces/" if project else ""
        self._export, self._probes = export, probes

    def begin(self, context: RequestContext) -> None:
        """Tell the trace of a request in its answer and in every log line that it causes."""
        caller = caller_of(context.environ)
        is_exported = self._export is not None and not self._probes.is_unlogged(context.environ["PATH_INFO"])
        place = self._export.begin(context, caller) if self._export and is_exported else continued(caller)
        context.headers.append(("traceparent", place.traceparent))
        context.log_fields = {
            "logging.googleapis.com/trace": self._prefix + place.trace_id,
            "logging.googleapis.com/spanId": place.span_id,
            "logging.googleapis.com/trace_sampled": place.sampled,
            "request_id": context.request_id}
        request_fields.set(context.log_fields)

    def end(self, context: RequestContext) -> None:
        """Let the request go."""
        request_fields.set(None)
        if self._export is not None:
            self._export.end(context)
