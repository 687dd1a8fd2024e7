"""``Traces``: which trace each request belongs to, told to whoever reads logs and to the caller."""

from __future__ import annotations

from linear_regressor.json_logs import request_fields
from linear_regressor.serving.http.call import Call
from linear_regressor.serving.telemetry.span_export import SpanExport
from linear_regressor.serving.telemetry.trace_context import caller_of, continued


class Traces:
    """Finds or draws the trace of each request; exports a span of it where that is wanted.

    Parameters
    ----------
    project : str
        The Google Cloud project whose traces they are; empty where there is none.
    export : SpanExport or None
        Makes and sends spans.
    """

    def __init__(self, project: str, export: SpanExport | None) -> None:
        self._prefix = f"projects/{project}/traces/" if project else ""
        self._export = export

    def begin(self, call: Call) -> None:
        """Tell the trace of a request in its answer and in every log line that it causes.

        Parameters
        ----------
        call : Call
            The request.
        """
        caller = caller_of(call.environ)
        place = continued(caller) if self._export is None else self._export.begin(call, caller)
        call.headers.append(("traceparent", place.traceparent))
        call.log_fields = {
            "logging.googleapis.com/trace": self._prefix + place.trace_id,
            "logging.googleapis.com/spanId": place.span_id,
            "logging.googleapis.com/trace_sampled": place.sampled,
            "request_id": call.request_id}
        request_fields.set(call.log_fields)

    def end(self, call: Call) -> None:
        """Let the request go.

        Parameters
        ----------
        call : Call
            The request, answered.
        """
        request_fields.set(None)
        if self._export is not None:
            self._export.end(call)
