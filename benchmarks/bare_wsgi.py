"""The limit: a WSGI callable that does the same JSON with orjson, and no routes, no checks, no request ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

SLOPE = np.array([937.0])
INTERCEPT = 153.0


def app(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    """Answer one record or many with the value of a fixed line.

    Parameters
    ----------
    environ : dict
        The request, as WSGI has it.
    start_response : callable
        Takes status and headers.

    Returns
    -------
    list of bytes
        The body, in one piece.
    """
    request = orjson.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    if "instance" in request:
        body = orjson.dumps({"prediction": request["instance"] * float(SLOPE[0]) + INTERCEPT})
    else:
        body = orjson.dumps({"predictions": np.asarray(request["instances"]) @ SLOPE + INTERCEPT},
                            option=orjson.OPT_SERIALIZE_NUMPY)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
