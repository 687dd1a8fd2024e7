"""``GET /metrics``: what Prometheus scrapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from linear_regressor.serving.served.model_slot import ModelSlot
from linear_regressor.serving.telemetry.probes import METRICS_PATH

if TYPE_CHECKING:
    from linear_regressor.serving.telemetry.metrics import Metrics


def metrics(slot: ModelSlot, counts: Metrics) -> Blueprint:
    """Make the route that tells the counts.

    Parameters
    ----------
    slot : ModelSlot
        The model, which is told as well.
    counts : Metrics
        The counts.

    Returns
    -------
    flask.Blueprint
    """
    routes = Blueprint("metrics", __name__)

    @routes.get(METRICS_PATH)
    def scrape() -> Response:
        """Tell the counts in the form that is asked for."""
        body, content_type = counts.exposition(slot.current(), request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    return routes
