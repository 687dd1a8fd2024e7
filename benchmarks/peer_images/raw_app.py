"""A bare WSGI application that loads its model as scikit-learn's users do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import orjson

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

MODEL = joblib.load("model.joblib")


def app(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    """Predict many records, without routes and without checks."""
    request = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    body = orjson.dumps({"predictions": np.asarray(request["instances"]) @ MODEL.coef_ + MODEL.intercept_},
                        option=orjson.OPT_SERIALIZE_NUMPY)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
