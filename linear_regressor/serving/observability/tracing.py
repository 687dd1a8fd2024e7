"""``RequestTracing``: the trace that each request belongs to; ``SpanExport``: spans for OpenTelemetry."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from linear_regressor.errors import ServerError, SettingError
from linear_regressor.json_logs import request_fields
from linear_regressor.serving.middleware.request_context import RequestContext
from linear_regressor.serving.probes import Probes
from linear_regressor.serving.settings import Setting, whole_number

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

SERVICE = "linear-regressor"
_SPAN_KEY = "linear_regressor.span"  # in the WSGI environment

BATCH_SPANS = 512  # the default
_MOST = 2**31 - 1  # larger numbers overflow in OpenTelemetry's threads


def _seconds(text: str) -> float:
    """Parse a time."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _MOST:
        raise ValueError(f"a number of seconds, greater than 0 and at most {_MOST}")
    return seconds


def _file(text: str) -> str:
    """Parse the path of a file."""
    if not os.path.isfile(text):
        raise ValueError("a file")
    return text


def _url(text: str) -> str:
    """Parse the URL of a collector."""
    with suppress(ValueError):  # of the host or the port
        url = urlsplit(text)
        if url.scheme in ("http", "https") and url.hostname and url.port != 0 and not re.search(r"\s", text):
            return text
    raise ValueError("a URL with http or https")


# OpenTelemetry's variables whose errors it would find only during export, with the defaults that are needed here.
OTEL_SETTINGS: dict[str, tuple[Callable[[str], Any], Any]] = {
    "OTEL_BSP_MAX_QUEUE_SIZE": (whole_number(1, _MOST), 2048),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": (whole_number(1, _MOST), None),
    "OTEL_BSP_SCHEDULE_DELAY": (whole_number(1, _MOST), None),
    "OTEL_BSP_EXPORT_TIMEOUT": (whole_number(0, _MOST), None),
    **{f"OTEL_{name}_LIMIT": (whole_number(0, _MOST), None) for name in (
        "SPAN_ATTRIBUTE_COUNT", "SPAN_EVENT_COUNT", "SPAN_LINK_COUNT", "EVENT_ATTRIBUTE_COUNT", "LINK_ATTRIBUTE_COUNT",
        "ATTRIBUTE_COUNT", "SPAN_ATTRIBUTE_VALUE_LENGTH", "ATTRIBUTE_VALUE_LENGTH")},
    **{f"OTEL_EXPORTER_OTLP_{part}{name}": (parse, None) for part in ("", "TRACES_") for name, parse in (
        ("ENDPOINT", _url), ("TIMEOUT", _seconds), ("CERTIFICATE", _file), ("CLIENT_KEY", _file),
        ("CLIENT_CERTIFICATE", _file))},
}

_TRACE, _SPAN = "(?!0{32})([0-9a-f]{32})", "(?!0{16})([0-9a-f]{16})"
# Version 00 ends after the flags, later ones may be longer, ff is invalid.
_TRACEPARENT = re.compile(f"(?!ff)[0-9a-f]{{2}}-{_TRACE}-{_SPAN}-([0-9a-f]{{2}})(-.*)?")
_CLOUD_TRACE = re.compile("(?!0{32})([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]{1,3}))?")


class RequestTracing:
    """Continues or starts the trace of each request, and exports a span of it if there is an exporter."""

    def __init__(self, project: str, export: SpanExport | None, probes: Probes) -> None:
        self._prefix = f"projects/{project}/traces/" if project else ""
        self._export, self._probes = export, probes

    def begin(self, context: RequestContext) -> None:
        """Add the trace to the response headers and to every log line of the request."""
        parent = incoming_trace(context.environ)
        if self._export is None or self._probes.is_unlogged(context.environ["PATH_INFO"]):
            trace = new_span(parent)
        else:
            trace = self._export.begin(context, parent)
        context.headers.append(("traceparent", trace.traceparent))
        context.log_fields = {
            "logging.googleapis.com/trace": self._prefix + trace.trace_id,
            "logging.googleapis.com/spanId": trace.span_id,
            "logging.googleapis.com/trace_sampled": trace.sampled,
            "request_id": context.request_id}
        request_fields.set(context.log_fields)

    def end(self, context: RequestContext) -> None:
        """Finish the span."""
        request_fields.set(None)
        if self._export is not None:
            self._export.end(context)


class TraceContext(NamedTuple):
    """A span of a trace."""

    # 32 hexadecimal digits, not all zero
    trace_id: str
    # 16 hexadecimal digits; all zero if unknown
    span_id: str
    sampled: bool

    @property
    def traceparent(self) -> str:
        """The value of the W3C header."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def incoming_trace(environ: WSGIEnvironment) -> TraceContext | None:
    """Return the client's span from ``traceparent``, else from ``X-Cloud-Trace-Context``."""
    header = environ.get("HTTP_TRACEPARENT")
    if header is not None and (match := _TRACEPARENT.fullmatch(header)) and (header[:2] != "00" or match[4] is None):
        return TraceContext(match[1], match[2], int(match[3], 16) % 2 == 1)
    header = environ.get("HTTP_X_CLOUD_TRACE_CONTEXT")
    if header is not None and (match := _CLOUD_TRACE.fullmatch(header)):
        span = int(match[2] or 0)
        return TraceContext(match[1].lower(), f"{span if span < 1 << 64 else 0:016x}", int(match[3] or 0) % 2 == 1)
    return None


def new_span(parent: TraceContext | None) -> TraceContext:
    """Return a random span in the parent's trace, or in a new trace that is not sampled."""
    if parent is None:
        digits = os.urandom(24).hex()
        return TraceContext(digits[:32], digits[32:], False)
    return TraceContext(parent.trace_id, os.urandom(8).hex(), parent.sampled)


def check_settings(environ: MutableMapping[str, str]) -> None:
    """Check OpenTelemetry's variables, and limit a batch to the queue, which it takes for an error."""
    for variable in OTEL_SETTINGS:
        if not environ.get(variable, "set"):
            del environ[variable]  # an empty variable counts as not set, but not everywhere in OpenTelemetry
    values = {variable: Setting(variable, parse, default, "").read(environ)
              for variable, (parse, default) in OTEL_SETTINGS.items()}
    queue, batch = values["OTEL_BSP_MAX_QUEUE_SIZE"], values["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]
    if batch is not None and batch > queue:
        raise SettingError(f"OTEL_BSP_MAX_EXPORT_BATCH_SIZE is {batch}: must be at most OTEL_BSP_MAX_QUEUE_SIZE, which "
                           f"is {queue}")
    if batch is None and queue < BATCH_SPANS:
        environ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = str(queue)


class SpanExport:
    """Exports spans in the background, in each worker, configured by OpenTelemetry's own ``OTEL_`` variables."""

    def __init__(self) -> None:
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None
        try:
            import_module("opentelemetry.sdk.trace")
            import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
            self._make_provider()  # the worker makes its own; this one finds the other settings that are invalid
        except ModuleNotFoundError:
            raise ServerError("OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: "
                              "pip install 'linear-regressor[tracing]', or unset the variable") from None
        except Exception as error:
            raise SettingError(f"OpenTelemetry rejects its OTEL_ variables: {error}") from None

    # OpenTelemetry is an optional extra, so each method below imports what it needs.

    def start(self) -> None:
        """Start exporting; call this in the worker, since the exporter's thread does not survive a fork."""
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._provider, exporter = self._make_provider()
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SERVICE)

    def _make_provider(self) -> tuple[TracerProvider, OTLPSpanExporter]:
        """Make what reads the variables."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider

        configured = OTELResourceDetector().detect().attributes
        return TracerProvider(resource=Resource.create({"service.name": SERVICE, **configured}),
                              shutdown_on_exit=False), OTLPSpanExporter()

    def stop(self) -> None:
        """Export the remaining spans and stop."""
        provider, self._provider, self._tracer = self._provider, None, None
        if provider is not None:
            provider.shutdown()

    def begin(self, context: RequestContext, parent: TraceContext | None) -> TraceContext:
        """Start the span of a request."""
        if self._tracer is None:
            return new_span(parent)
        from opentelemetry.trace import SpanKind

        span = self._tracer.start_span(context.environ["REQUEST_METHOD"], _parent_context(parent), SpanKind.SERVER)
        context.environ[_SPAN_KEY] = span
        ids = span.get_span_context()
        if not ids.is_valid:  # OTEL_SDK_DISABLED
            return new_span(parent)
        return TraceContext(f"{ids.trace_id:032x}", f"{ids.span_id:016x}", ids.trace_flags.sampled)

    def end(self, context: RequestContext) -> None:
        """Finish the span of a request, if it has one."""
        environ = context.environ
        span: Span | None = environ.pop(_SPAN_KEY, None)
        if span is None:
            return
        method = environ["REQUEST_METHOD"]
        span.update_name(f"{method} {context.route}")
        span.set_attributes({
            "http.request.method": method, "http.route": context.route, "http.response.status_code": context.status,
            "url.path": environ["PATH_INFO"], "url.scheme": environ["wsgi.url_scheme"],
            "linear_regressor.request_id": context.request_id, "linear_regressor.rows": context.rows,
            "linear_regressor.model_version": context.model})
        if context.status >= 500:
            from opentelemetry.trace import StatusCode

            span.set_status(StatusCode.ERROR)
        span.end()


def _parent_context(parent: TraceContext | None) -> Context:
    """Convert the client's span for OpenTelemetry."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    if parent is None:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    span = SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(span), Context())
