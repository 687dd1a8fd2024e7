"""One operation of the description."""

from __future__ import annotations

import re
from typing import Any

from linear_regressor.serving.http.json_body import MEDIA_TYPE
from linear_regressor.serving.openapi.errors import ANY, BODY, GUARDED, PROBLEMS, ErrorForm
from linear_regressor.serving.openapi.headers import ALWAYS, header_references
from linear_regressor.serving.security.scopes import scope_of

Json = dict[str, Any]


def answer(description: str, content: Json | None = None, headers: tuple[str, ...] = ALWAYS) -> Json:
    """Describe an answer.

    Parameters
    ----------
    description : str
        What it says.
    content : dict, optional
        Media types with their schemas.
    headers : tuple of str
        Names of its headers.

    Returns
    -------
    dict

    Examples
    --------
    >>> answer("Nothing new.", headers=("ETag",))
    {'description': 'Nothing new.', 'headers': {'ETag': {'$ref': '#/components/headers/ETag'}}}
    """
    described: Json = {"description": description, "headers": header_references(headers)}
    if content:
        described["content"] = content
    return described


def json_content(schema: Json, examples: Json | None = None) -> Json:
    """Describe content in JSON.

    Parameters
    ----------
    schema : dict
        What it holds.
    examples : dict, optional
        Values by name.

    Returns
    -------
    dict

    Examples
    --------
    >>> json_content({"type": "number"}, {"one": 1})
    {'application/json': {'schema': {'type': 'number'}, 'examples': {'one': {'value': 1}}}}
    """
    content: Json = {"schema": schema}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {MEDIA_TYPE: content}


def operation(at: str, name: str, tag: str, summary: str, answers: Json, *errors: int, form: ErrorForm = PROBLEMS,
              body: Json | None = None, parameters: list[Json] | None = None, description: str = "",
              is_open: bool = False) -> Json:
    """Describe an operation.

    Parameters
    ----------
    at : str
        Its method and path; who may call it is told by these.
    name : str
        Its ``operationId``.
    tag : str
        The contract it belongs to.
    summary, description : str
        What it does, in a line and at length.
    answers : dict
        Answers by status.
    *errors : int
        Statuses of errors it may answer, beside those that every route may, and every one with a body.
    form : ErrorForm
        How it tells them.
    body : dict, optional
        Media types of its body with their schemas.
    parameters : list of dict, optional
        Its parameters.
    is_open : bool
        Whether everybody may call it, though its path does not say so.

    Returns
    -------
    dict
    """
    described: Json = {"operationId": name, "tags": [tag], "summary": summary}
    if description:
        described["description"] = description
    if parameters:
        described["parameters"] = parameters
    if body:
        described["requestBody"] = {"required": True, "content": body}
    method, path = at.split(" ")
    is_open = is_open or scope_of(method, re.sub(r"\{\w+\}", "x", path)) is None
    if is_open:
        described["security"] = []
    described["responses"] = {**answers, **form.references(
        (*ANY, *errors, *(() if is_open else GUARDED), *(BODY if body else ())))}
    return described
