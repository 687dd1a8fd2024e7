"""KServe V2, the Open Inference Protocol over HTTP: ``/v2``."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from linear_regressor.serving.http.call import KEY
from linear_regressor.serving.http.json_body import MEDIA_TYPE, json_body, plain_body
from linear_regressor.serving.http.problems import problem
from linear_regressor.serving.payload.encode import encode
from linear_regressor.serving.readiness import Readiness
from linear_regressor.serving.served.model_slot import ModelSlot
from linear_regressor.serving.served.served_name import require_served

MODEL = "/v2/models/<name>"
VERSION = f"{MODEL}/versions/<version>"


def kserve_v2(slot: ModelSlot, readiness: Readiness, model_name: str) -> Blueprint:
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
    routes = Blueprint("kserve_v2", __name__)

    @routes.get("/v2")
    def server() -> Response:
        """Tell which server this is."""
        return _json({"name": "linear-regressor", "version": version_of("linear-regressor"), "extensions": []})

    @routes.get("/v2/health/live")
    def live() -> Response:
        """Tell a platform that the process answers."""
        return _json({"live": True})

    @routes.get("/v2/health/ready")
    def ready() -> Response:
        """Tell a platform that requests may come."""
        return _json({"ready": True, "live": True}) if not readiness.draining else _stopping()

    @routes.get(f"{MODEL}/ready")
    @routes.get(f"{VERSION}/ready")
    def model_ready(name: str, version: str | None = None) -> Response:
        """Tell a platform that requests for this model may come."""
        require_served(slot.current(), model_name, name, version)
        return _json({"name": name, "ready": True}) if not readiness.draining else _stopping()

    @routes.get(MODEL)
    @routes.get(VERSION)
    def metadata(name: str, version: str | None = None) -> Response:
        """Describe the model's tensors."""
        # Imported when somebody asks, here and below: a server starts sooner without.
        from linear_regressor.serving.served.output_tensors import output_metadata

        served = slot.current()
        require_served(served, model_name, name, version)
        inputs = [{"name": feature, "datatype": "FP64", "shape": [-1, 1]} for feature in served.signature.features]
        return _json({"name": name, "versions": [served.version], "platform": "numpy_linear", "inputs": inputs,
                      "outputs": output_metadata(served.signature.width)})

    @routes.post(f"{MODEL}/infer")
    @routes.post(f"{VERSION}/infer")
    def infer(name: str, version: str | None = None) -> Response:
        """Predict the rows of the input tensors."""
        from linear_regressor.serving.payload.open_inference import read_inference
        from linear_regressor.serving.served.output_tensors import output_tensors

        served, call = slot.current(), request.environ[KEY]
        require_served(served, model_name, name, version)
        inference = read_inference(_body(), served.signature)
        predictions = served.answer(call, inference.rows, inference.pointer)
        return _json({"model_name": name, "model_version": served.version, "id": inference.id or call.request_id,
                      "outputs": output_tensors(served, inference, predictions)})

    return routes


def _body() -> bytes:
    """Give the bytes of the body; clients of this protocol may leave the media type away."""
    if "Inference-Header-Content-Length" in request.headers:
        raise BadRequest("this server takes tensors as JSON, without the extension for binary data")
    return json_body() if request.content_type else plain_body()


def _stopping() -> Response:
    """Answer that no further request should come."""
    return problem(503, "this server is about to stop")


def _json(answer: dict[str, Any]) -> Response:
    """Make an answer."""
    return Response(encode(answer), mimetype=MEDIA_TYPE)
