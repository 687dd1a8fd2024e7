"""``FastPath``: answers well-formed requests to the hot routes before Flask sees them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from linear_regressor.serving.middleware.request_body import MEDIA_TYPE
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY, RequestContext
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.schema.encode import Array, encode_prediction, encode_predictions
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.rows import RowReader

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class FastRoute(NamedTuple):
    """How the body of one route is read and answered."""

    decode: Callable[[RowReader, bytes], Array | None]
    encode: Callable[[Array], bytes]


FAST_ROUTES = {"/stream": FastRoute(RowReader.fast_instance, encode_prediction),
               "/batch": FastRoute(RowReader.fast_instances, encode_predictions)}


class FastPath:
    """A WSGI application that answers plain, valid ``POST`` requests to ``/stream`` and ``/batch`` itself.

    Flask would take more than half of the time of a one-row request. The application behind it gets every other
    request, body included, remains the one place that interprets requests, and would give the same bytes.
    """

    def __init__(self, application: WSGIApplication, reloader: ModelReloader, max_content_length: int) -> None:
        self.application = application
        self._reloader, self._max_content_length = reloader, max_content_length

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, or pass it on."""
        answer = self._answer(environ)
        if answer is None:
            return self.application(environ, start_response)
        start_response("200 OK", [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(answer)))])
        return [answer]

    def _answer(self, environ: WSGIEnvironment) -> bytes | None:
        """Return the body of the response, or None if the application must interpret the request."""
        path, length = environ["PATH_INFO"], environ.get("CONTENT_LENGTH") or ""
        route = FAST_ROUTES.get(path)
        if (route is None or environ["REQUEST_METHOD"] != "POST" or environ.get("CONTENT_TYPE") != MEDIA_TYPE
                or "HTTP_CONTENT_ENCODING" in environ
                or not (length.isdecimal() and int(length) <= self._max_content_length)):
            return None
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)  # copies nothing, and the application can read the body again
        predictor = self._reloader.current()
        rows = route.decode(predictor.reader, body) if len(body) == int(length) else None
        if rows is None:
            return None
        context: RequestContext = environ[CONTEXT_KEY]
        try:
            # not the statistics, which take memory
            values, outside = predictor.predict_rows(rows, "", context.request_id)[:2]
        except InvalidPayload:
            return None
        context.route = path
        context.answered_by(predictor.version, predictor.headers, len(rows), outside)
        return route.encode(values)
