"""``ExpressLane``: the perfect request for a hot route, answered before Flask looks at it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.json_body import MEDIA_TYPE
from linear_regressor.serving.payload.decode import Decoder
from linear_regressor.serving.payload.encode import encode_prediction, encode_predictions
from linear_regressor.serving.payload.faults import InvalidPayload
from linear_regressor.serving.predictor import Predictor
from linear_regressor.serving.request_id import HEADER, request_name

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Array = NDArray[np.float64]


class HotRoute(NamedTuple):
    """How the perfect body of one route is read and answered."""

    decode: Callable[[bytes], Array | None]
    encode: Callable[[Array], bytes]


class ExpressLane:
    """A WSGI application in front of another one.

    It answers a ``POST`` of plain JSON to ``/stream`` or ``/batch`` whose body is exactly right, and hands every other
    request on, body and all: the application behind it stays the one place that says what a request means, and
    answers the same bytes. Flask's own work is more than half of a one-record request.

    Parameters
    ----------
    application : WSGI application
        Answers whatever is not perfect.
    decoder : Decoder
        Reads bodies.
    predictor : Predictor
        Predicts.
    max_content_length : int
        Largest body, in bytes.
    """

    def __init__(self, application: WSGIApplication, decoder: Decoder, predictor: Predictor,
                 max_content_length: int) -> None:
        self.application = application
        self._predictor = predictor
        self._max_content_length = max_content_length
        self._hot = {"/stream": HotRoute(decoder.exact_instance, encode_prediction),
                     "/batch": HotRoute(decoder.exact_instances, encode_predictions)}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._answer(environ)
        if answer is None:
            return self.application(environ, start_response)
        start_response("200 OK", [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(answer))),
                                  (HEADER, request_name(environ.get("HTTP_X_REQUEST_ID")))])
        return [answer]

    def _answer(self, environ: WSGIEnvironment) -> bytes | None:
        """Give the body of the answer, or None where the application has to look at the request."""
        route = self._hot.get(environ["PATH_INFO"])
        length = environ.get("CONTENT_LENGTH") or ""
        if (route is None or environ["REQUEST_METHOD"] != "POST" or environ.get("CONTENT_TYPE") != MEDIA_TYPE
                or not (length.isdecimal() and int(length) <= self._max_content_length)):
            return None
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)  # costs no copy, and the application finds its body unread
        rows = route.decode(body) if len(body) == int(length) else None
        try:
            return None if rows is None else route.encode(self._predictor.predict(rows, ""))
        except InvalidPayload:
            return None
