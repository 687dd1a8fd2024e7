"""KServe V1, which is TensorFlow Serving's REST form: ``/v1/models``."""

from __future__ import annotations

import numpy as np
from flask import Blueprint, Response
from numpy.typing import NDArray

from linear_regressor.serving.http.json_body import MEDIA_TYPE, json_body
from linear_regressor.serving.http.problems import problem
from linear_regressor.serving.payload.encode import encode
from linear_regressor.serving.payload.wanted import NOTHING, Wanted
from linear_regressor.serving.readiness import Readiness
from linear_regressor.serving.routes.many_records import answer_records
from linear_regressor.serving.served.model_slot import ModelSlot
from linear_regressor.serving.served.served_model import ServedModel
from linear_regressor.serving.served.served_name import require_served

Array = NDArray[np.float64]

MODEL = "/v1/models/<name>"
VERSION = f"{MODEL}/versions/<version>"


def kserve_v1(slot: ModelSlot, readiness: Readiness, model_name: str) -> Blueprint:
    """Make the routes of the protocol.

    Parameters
    ----------
    slot : ModelSlot
        The model.
    readiness : Readiness
        Whether further requests may come.
    model_name : str
        What callers name the model by.

    Returns
    -------
    flask.Blueprint
    """
    routes = Blueprint("kserve_v1", __name__)

    @routes.get("/v1/models")
    def models() -> Response:
        """List the one model."""
        return Response(encode({"models": [model_name]}), mimetype=MEDIA_TYPE)

    @routes.get(MODEL)
    @routes.get(VERSION)
    def status(name: str, version: str | None = None) -> Response:
        """Tell that the model can be asked: in KServe's words and in TensorFlow Serving's."""
        served = slot.current()
        require_served(served, model_name, name, version)
        if readiness.draining:
            return problem(503, "this server is about to stop")
        state = {"version": served.version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        return Response(encode({"name": name, "ready": True, "model_version_status": [state]}), mimetype=MEDIA_TYPE)

    @routes.post(f"{MODEL}:predict")
    @routes.post(f"{VERSION}:predict")
    def predict(name: str, version: str | None = None) -> Response:
        """Predict many records, in their order."""
        served = slot.current()
        require_served(served, model_name, name, version)
        rows, wanted = _read(json_body(), served)
        return answer_records(served, rows, wanted=wanted)

    return routes


def _read(body: bytes, served: ServedModel) -> tuple[Array, Wanted]:
    """Read rows; the form that this contract shares with ``/batch`` at once, if it is exactly that."""
    # Imported when somebody asks: a server starts sooner without.
    from linear_regressor.serving.payload.any_rows import read_any_instances

    rows = served.decoder.exact_instances(body)
    return read_any_instances(body, served.signature) if rows is None else (rows, NOTHING)
