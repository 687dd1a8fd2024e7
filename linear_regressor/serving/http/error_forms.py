"""Errors in the words of contracts that have their own; which one counts is told by the path."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import orjson

JSON = "application/json"

# MLflow's names for what went wrong; anything else is a bad request.
MLFLOW_CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "ENDPOINT_NOT_FOUND",
                429: "REQUEST_LIMIT_EXCEEDED", 500: "INTERNAL_ERROR", 503: "TEMPORARILY_UNAVAILABLE"}


class ErrorAnswer(NamedTuple):
    """What an error looks like on its way out.

    Parameters
    ----------
    status : int
        HTTP status.
    body : bytes
        What is said.
    media_type : str
        In which form.
    """

    status: int
    body: bytes
    media_type: str


# A form takes a status and what went wrong.
ErrorForm = Callable[[int, str], ErrorAnswer]


def form_at(path: str) -> ErrorForm | None:
    """Find the form that the contract of a path has for errors.

    Parameters
    ----------
    path : str
        Path of the request.

    Returns
    -------
    callable or None
        None where errors are problem details.

    Examples
    --------
    >>> form_at("/v2/models/a/infer")(422, "#/inputs is required").body
    b'{"error":"#/inputs is required"}'
    >>> form_at("/v2x") is form_at("/batch") is None
    True
    """
    return next((form for start, form in FORMS if path == start or path.startswith(f"{start}/")), None)


def error_object(status: int, detail: str) -> ErrorAnswer:
    """Say an error as KServe and TensorFlow Serving do, which know no 422.

    Parameters
    ----------
    status : int
        HTTP status.
    detail : str
        What went wrong.

    Returns
    -------
    ErrorAnswer

    Examples
    --------
    >>> error_object(404, "there is no such model")
    ErrorAnswer(status=404, body=b'{"error":"there is no such model"}', media_type='application/json')
    """
    return ErrorAnswer(_known(status), orjson.dumps({"error": detail}), JSON)


def mlflow_error(status: int, detail: str) -> ErrorAnswer:
    """Say an error as MLflow's scoring server does: text for a media type it does not take, else an object.

    Parameters
    ----------
    status : int
        HTTP status.
    detail : str
        What went wrong.

    Returns
    -------
    ErrorAnswer

    Examples
    --------
    >>> mlflow_error(422, "#/dataframe_split is required").body
    b'{"error_code":"BAD_REQUEST","message":"#/dataframe_split is required"}'
    """
    if status == 415:
        return ErrorAnswer(status, detail.encode(), "text/plain")
    code = MLFLOW_CODES.get(status, "BAD_REQUEST")
    return ErrorAnswer(_known(status), orjson.dumps({"error_code": code, "message": detail}), JSON)


def _known(status: int) -> int:
    """Give the status that contracts older than 422 have for a body that cannot be used."""
    return 400 if status == 422 else status


FORMS: tuple[tuple[str, ErrorForm], ...] = (("/v2", error_object), ("/v1/models", error_object),
                                            ("/invocations", mlflow_error))
