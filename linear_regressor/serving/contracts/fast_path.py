"""``ExpressLane``: the perfect request for a hot route, answered before Flask looks at it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.middleware.request_body import MEDIA_TYPE
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY, RequestContext
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.schema.encode import encode_prediction, encode_predictions
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.rows import RowReader

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Array = NDArray[np.float64]


class FastRoute(NamedTuple):
    """How the perfect body of one route is read and answered."""

    decode: Callable[[RowReader, bytes], Array | None]
    encode: Callable[[Array], bytes]


FAST_ROUTES = {"/stream": FastRoute(RowReader.fast_instance, encode_prediction),
              "/batch": FastRoute(RowReader.fast_instances, encode_predictions)}


class FastPath:
    """A WSGI application in front of another one.

    It answers a ``POST`` of plain JSON to ``/stream`` or ``/batch`` whose body is exactly right, and hands every other
    request on, body and all: the application behind it stays the one place that says what a request means, and
    answers the same bytes. Flask's own work is more than half of a one-record request.
    """

    def __init__(self, application: WSGIApplication, reloader: ModelReloader, max_content_length: int) -> None:
        self.application = application
        self._slot, self._max_content_length = reloader, max_content_length

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._answer(environ)
        if answer is None:
            return self.application(environ, start_response)
        start_response("200 OK", [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(answer)))])
        return [answer]

    def _answer(self, environ: WSGIEnvironment) -> bytes | None:
        """Give the body of the answer, or None where the application has to look at the request."""
        path, length = environ["PATH_INFO"], environ.get("CONTENT_LENGTH") or ""
        route = FAST_ROUTES.get(path)
        if (route is None or environ["REQUEST_METHOD"] != "POST" or environ.get("CONTENT_TYPE") != MEDIA_TYPE
                or "HTTP_CONTENT_ENCODING" in environ
                or not (length.isdecimal() and int(length) <= self._max_content_length)):
            return None
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)  # costs no copy, and the application finds its body unread
        predictor = self._slot.current()
        rows = route.decode(predictor.reader, body) if len(body) == int(length) else None
        if rows is None:
            return None
        context: RequestContext = environ[CONTEXT_KEY]
        try:
            prediction = predictor.predict_rows(rows, "")
        except InvalidPayload:
            return None
        context.route = path
        context.answered_by(predictor.version, predictor.headers, len(rows), prediction.outside)
        return route.encode(prediction.values)
