"""A bare WSGI application: the same JSON with orjson, without routing, validation or request IDs.

It fits its model with scikit-learn in this process, as services of scikit-learn models do. That matters for 100,000
rows: their 100,000 lists trigger garbage collections, which visit all objects that importing scikit-learn created.
Without scikit-learn it answers that request about twice as fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

X, Y = load_diabetes(return_X_y=True)
MODEL = LinearRegression().fit(X[:, [2]], Y)
SLOPE, INTERCEPT = MODEL.coef_, float(MODEL.intercept_)


def app(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    """Predict one record or many."""
    request = orjson.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    if "instance" in request:
        body = orjson.dumps({"prediction": request["instance"] * float(SLOPE[0]) + INTERCEPT})
    else:
        body = orjson.dumps({"predictions": np.asarray(request["instances"]) @ SLOPE + INTERCEPT},
                            option=orjson.OPT_SERIALIZE_NUMPY)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
