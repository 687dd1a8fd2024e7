"""The routes that Vertex AI chooses, described."""

from __future__ import annotations

from typing import Any

from linear_regressor.serving.openapi.examples import exchanges
from linear_regressor.serving.openapi.operation import answer, json_content, operation
from linear_regressor.serving.openapi.own import MANY, predict
from linear_regressor.serving.served.served_model import ServedModel
from linear_regressor.settings import Settings

Json = dict[str, Any]

TAG = "vertex ai"


def paths(served: ServedModel, settings: Settings) -> Json:
    """Describe the routes; there are none where the platform did not name them.

    Parameters
    ----------
    served : ServedModel
        The model.
    settings : Settings
        The routes.

    Returns
    -------
    dict
        Path items by path.
    """
    _, many = exchanges(served)
    described: Json = {}
    for number, path in enumerate(settings.vertex_health_routes):
        described.setdefault(path, {})["get"] = operation(
            f"GET {path}", f"isContainerHealthy{number or ''}", TAG, "May requests come?",
            {"200": answer("Yes.", json_content({"type": "object"}))}, is_open=True)
    for number, path in enumerate(settings.vertex_predict_routes):
        described.setdefault(path, {})["post"] = predict(
            f"POST {path}", f"predictContainer{number or ''}", MANY, "Predictions", "BatchRequest", many, TAG)
    return described
