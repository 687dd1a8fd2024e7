"""``POST /feedback``: actual values of rows, for the store that monitoring and retraining read."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import Conflict, NotFound, ServiceUnavailable

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import StoreError, StoreUnavailable
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.feedback import Feedback
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.serving.contract import Contract, Tag
from linear_regressor.serving.contracts.responses import described_rows, json_response, note_model
from linear_regressor.serving.middleware.errors import PROBLEM_DETAILS
from linear_regressor.serving.middleware.request_body import json_body
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY
from linear_regressor.serving.openapi.operation import (
    MODEL_HEADERS,
    answer,
    error_references,
    json_content,
    object_schema,
    operation,
)
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Array, Json
from linear_regressor.serving.schema.faults import Fault, InvalidPayload, reject
from linear_regressor.serving.schema.json_parser import one_large_body_at_a_time
from linear_regressor.serving.schema.rows import (
    Signature,
    arrays_or_records_shape,
    cell_pointers,
    once_per_model,
    rows_from,
)
from linear_regressor.serving.schema.validation import NUMBER, Shape, array_of, object_shape, read_document
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

if TYPE_CHECKING:
    from linear_regressor.monitoring.store.feedback_store import FeedbackStore

# Requests of several threads are committed together, and a commit must not take longer than others wait.
MOST_ROWS = 10_000
# Products of larger values and their sums over many rows could leave the range of float64.
LARGEST = 1e100
SECONDS_TO_RETRY = 2
MISSING = "is treated as missing by the model's cleaning steps"
LONGEST_NAME = 255
KEY = r"[A-Za-z0-9._:~-]{1,128}"
MODEL = r"(sha256:)?[0-9a-f]{64}|[0-9a-f]{12}"

logger = logging.getLogger(__name__)


class FeedbackRequest(NamedTuple):
    """Validated rows with their actual values."""

    # shape (n, p)
    X: Array
    # shape (n,)
    y: Array
    # pointers from a row of the body to the values of its features
    cells: list[str]
    # version or digest of the model that answered, if the client names one
    model: str | None


def open_store_for(model: Artefact, location: StoreLocation | None) -> FeedbackStore | None:
    """Open the store, which may be down, but if it answers must be one for rows of this model."""
    if location is None:
        return None
    store = open_store(location)
    with suppress(StoreUnavailable):  # logged by the store
        store.require_columns(model.features, model.target, model.cleaning)
    return store


def routes(service: Service) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("feedback", __name__)

    @routes.post("/feedback")
    def send() -> Response:
        """Store rows with their actual values."""
        if service.store is None:
            raise NotFound("this server stores no feedback: STORE is not set")
        predictor, key = service.reloader.current(), _key(request.headers.get("Idempotency-Key"))
        given = read_feedback(json_body(), predictor.signature)
        feedback = Feedback(given.X, given.y, key or "", _principal(), _digest(given.model, predictor.artefact.digest))
        if key is None:
            feedback = replace(feedback, key=feedback.digest.hex())
        if predictor.artefact.cleaning:
            feedback = _cleaned(feedback, predictor, given.cells)
        outcome = _add(service, service.store, feedback, predictor.artefact)
        note_model(predictor)
        if outcome == "conflict":
            raise Conflict("this idempotency key was used before, for other rows: send these with a new one")
        response = json_response({"rows": len(given.y), "stored": len(given.y) if outcome == "stored" else 0,
                                  "repeated": outcome == "repeated", "key": feedback.key,
                                  "key_source": "body" if key is None else "header"})
        response.status_code = 202
        return response

    return routes


def _cleaned(feedback: Feedback, predictor: Predictor, cells: list[str]) -> Feedback:
    """Apply the cleaning steps of the model, as training does; reject values that become missing or too large."""
    X, y = predictor.cleaned(feedback.X), predictor.artefact.row_cleaning.of_target(feedback.y)
    reject(Fault(f"#/instances/{row}{cells[column]}", "missing_value", MISSING)
           for row, column in np.argwhere(np.isnan(X)).tolist())
    reject(Fault(f"#/actuals/{row}", "missing_value", MISSING) for row in np.flatnonzero(np.isnan(y)).tolist())
    reject(_large_values(X, y, cells))
    return replace(feedback, X=X, y=y)


def _add(service: Service, store: FeedbackStore, feedback: Feedback, model: Artefact) -> str:
    """Store the rows, and count them; respond 503 if that is not possible now."""
    started, outcome = time.perf_counter(), "unavailable"
    try:
        store.require_columns(model.features, model.target, model.cleaning)
        outcome = store.add(feedback)
    except StoreUnavailable:  # logged by the store
        raise ServiceUnavailable("the feedback store is not available at the moment: send the same request again later",
                                 retry_after=SECONDS_TO_RETRY) from None
    except StoreError as error:
        logger.error("feedback is rejected: %s", error)
        raise ServiceUnavailable("the feedback store cannot take rows of this model; the server's log has the reason",
                                 retry_after=SECONDS_TO_RETRY) from None
    finally:
        service.metrics.store_answered(outcome, len(feedback.y), time.perf_counter() - started)
    return outcome


def _key(header: str | None) -> str | None:
    """Read the idempotency key."""
    if header is None:
        return None
    key = header.removeprefix('"').removesuffix('"')  # the draft of the header's standard has quotes
    if not re.fullmatch(KEY, key):
        abort(400, "the Idempotency-Key header must have 1 to 128 letters, digits, dots, colons, dashes, tildes and "
                   "underscores")
    return key


def _principal() -> str | None:
    """Name of the client; PostgreSQL stores no NUL, and its index no long names: the whole group would fail."""
    name: str = request.environ[CONTEXT_KEY].principal
    if len(name) > LONGEST_NAME:  # OpenID Connect allows 255 characters
        name = f"{name[:LONGEST_NAME - 65]}~{hashlib.sha256(name.encode()).hexdigest()}"
    return name.replace("\0", "\\0") or None


def _digest(model: str | None, served: str) -> str:
    """Digest of the model that answered; a version of another model than the served one stays a version."""
    if model is None or served.startswith(model.removeprefix("sha256:")):
        return served
    return model.removeprefix("sha256:")


@one_large_body_at_a_time
def read_feedback(body: bytes, signature: Signature) -> FeedbackRequest:
    """Read a body of the shape ``feedback_shape``."""
    given = read_document(body, feedback_shape(signature), 'the members "instances" and "actuals"')
    X, y = rows_from(given["instances"], signature), np.array(given["actuals"], dtype=np.float64)
    if len(X) != len(y):
        raise InvalidPayload([Fault("#/actuals", "wrong_length", f"must have {len(X)} numbers, one for each instance")])
    cells = cell_pointers(given["instances"], signature)
    reject(_large_values(X, y, cells))
    return FeedbackRequest(X, y, cells, given.get("model"))


def _large_values(X: Array, y: Array, cells: list[str]) -> Iterator[Fault]:
    """Reject values whose products leave the range of float64."""
    for row, column in np.argwhere(np.abs(X) > LARGEST).tolist():
        yield Fault(f"#/instances/{row}{cells[column]}", "too_large", f"must be at most {LARGEST:g} in size")
    for row in np.flatnonzero(np.abs(y) > LARGEST).tolist():
        yield Fault(f"#/actuals/{row}", "too_large", f"must be at most {LARGEST:g} in size")


@once_per_model
def feedback_shape(signature: Signature) -> Shape:
    """Make the shape of ``{"instances": ..., "actuals": [y, ...], "model": "..."}``, with rows as for ``/batch``."""
    most = min(signature.max_rows, MOST_ROWS)
    rows = arrays_or_records_shape(signature._replace(max_rows=most))
    return object_shape({"instances": rows, "actuals": array_of(NUMBER, most),
                         "model": Shape(_model_faults, {"type": "string", "pattern": f"^({MODEL})$"})},
                        required=("instances", "actuals"))


def _model_faults(value: Any, at: str) -> Iterator[Fault]:
    """Reject what is neither a version nor a digest."""
    if not isinstance(value, str) or not re.fullmatch(MODEL, value):
        yield Fault(at, "invalid_model", "must be the X-Model-Version or X-Model-Digest of the prediction's response")


KEY_PARAMETER: Json = {
    "name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "pattern": f'^"?{KEY}"?$'},
    "description": "Identifies this request: if it is sent again, its rows are not stored again. By default the digest "
                   "of the rows, so that equal rows count once."}
LIMITS = ("Stores the rows before it answers; see docs/monitoring.md. Beyond the schema: actuals must have one value "
          f"for each instance, and no value may be larger than {LARGEST:g} in size. The status is 404 if the server "
          "has no store.")


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the route."""
    accepted = answer("The rows are stored, or were stored before.", json_content("FeedbackResponse"), MODEL_HEADERS)
    return {"/feedback": {"post": operation(
        "sendFeedback", "Send actual values", {"202": accepted, **error_references(PROBLEM_DETAILS, {404, 409})},
        body=json_content("FeedbackRequest"), parameters=(KEY_PARAMETER,), description=LIMITS)}}


def schemas(predictor: Predictor) -> Json:
    """Describe the bodies."""
    shape = feedback_shape(predictor.signature).schema
    properties = shape["properties"]
    return {
        "FeedbackRequest": {**shape, "properties": {
            "instances": described_rows(properties["instances"]),
            "actuals": {**properties["actuals"], "description": f"Observed {predictor.artefact.target} of each row."},
            "model": {**properties["model"], "description": "The model that predicted these rows: X-Model-Version or "
                                                            "X-Model-Digest; by default the served one."}}},
        "FeedbackResponse": object_schema({
            "rows": {"type": "integer", "minimum": 1, "description": "Rows of this request."},
            "stored": {"type": "integer", "minimum": 0, "description": "Those stored now: all of them, or 0 if they "
                                                                       "were stored before."},
            "repeated": {"type": "boolean", "description": "Whether they were stored before."},
            "key": {"type": "string", "description": "The idempotency key."},
            "key_source": {"enum": ["header", "body"],
                           "description": "Whether the key is the header or follows from the rows."},
        })}


CONTRACT = Contract(Tag("feedback", "Actual values, for monitoring and retraining."), routes, paths, schemas)
