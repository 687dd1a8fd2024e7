"""MLflow's scoring protocol: ``/invocations``, ``/health``, ``/version``."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from linear_regressor.serving.http.call import KEY
from linear_regressor.serving.http.json_body import MEDIA_TYPE, plain_body, require_text
from linear_regressor.serving.http.problems import problem
from linear_regressor.serving.readiness import Readiness
from linear_regressor.serving.routes.many_records import answer_records
from linear_regressor.serving.served.model_slot import ModelSlot
from linear_regressor.serving.served.served_model import ServedModel

if TYPE_CHECKING:
    from linear_regressor.serving.payload.dataframe import Frame

CSV = "text/csv"


def mlflow(slot: ModelSlot, readiness: Readiness) -> Blueprint:
    """Make the routes of the protocol; ``/ping`` is there already.

    Parameters
    ----------
    slot : ModelSlot
        The model.
    readiness : Readiness
        Whether further requests may come.

    Returns
    -------
    flask.Blueprint
    """
    routes = Blueprint("mlflow", __name__)

    @routes.get("/health")
    def health() -> Response:
        """Tell a platform that requests may come."""
        return problem(503, "this server is about to stop") if readiness.draining else Response(
            b"\n", mimetype=MEDIA_TYPE)

    @routes.get("/version")
    def version() -> Response:
        """Tell the version of this program, and in the headers that of the model."""
        served = slot.current()
        request.environ[KEY].answered_by(served.version, served.headers, 0, 0)
        return Response(version_of("linear-regressor"), mimetype="text/plain")

    @routes.post("/invocations")
    def invocations() -> Response:
        """Predict the rows of a data frame, in their order."""
        served = slot.current()
        _require_media_type()
        frame = _read(plain_body(), served)
        return answer_records(served, frame.rows, frame.pointer, frame.wanted)

    return routes


def _read(body: bytes, served: ServedModel) -> Frame:
    """Read a table; the form that this contract shares with ``/batch`` at once, if it is exactly that."""
    # Imported when somebody asks: a server starts sooner without.
    from linear_regressor.serving.payload.csv_table import read_csv
    from linear_regressor.serving.payload.dataframe import Frame, read_dataframe

    if request.mimetype == CSV:
        return read_csv(body, served.signature)
    rows = served.decoder.exact_instances(body)
    return read_dataframe(body, served.signature) if rows is None else Frame(rows, "#/instances/{}")


def _require_media_type() -> None:
    """Refuse what the protocol refuses: other media types, other charsets, other parameters."""
    require_text(MEDIA_TYPE, CSV)
    if set(request.mimetype_params) - {"charset"}:
        raise UnsupportedMediaType("the Content-Type may have the parameter charset, and no other")
