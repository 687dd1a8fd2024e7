"""The OpenAPI document of a service."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version

from linear_regressor.serving.auth.scopes import Scopes
from linear_regressor.serving.contract import Contract
from linear_regressor.serving.middleware.errors import PROBLEM_DETAILS, ErrorFormat, ErrorFormats
from linear_regressor.serving.openapi.operation import (
    HEADERS,
    SECURITY,
    SECURITY_SCHEMES,
    error_references,
    error_responses,
)
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.settings import Settings

# Errors of any request, and those of requests that need a scope, have a body, or name something in their path.
_ANY_REQUEST = {400, 500, 503}
_AUTHORISED = {401, 403, 429}
_WITH_BODY = {413, 415, 422}
_NAMED_IN_PATH = {404}


def openapi_document(predictor: Predictor, settings: Settings, contracts: Sequence[Contract], scopes: Scopes,
                     formats: ErrorFormats) -> Json:
    """Describe the contracts of a service with these settings and this model."""
    paths = {path: {method: _completed(contract, path, method, operation, scopes, formats)
                    for method, operation in item.items()}
             for contract in contracts for path, item in contract.paths(predictor, settings).items()}
    used = [PROBLEM_DETAILS, *(contract.error_format for contract in contracts)]
    schemas = [*(form.schemas for form in used), *(contract.schemas(predictor) for contract in contracts)]
    security = SECURITY[settings.security.auth]
    return {
        "openapi": "3.1.1",
        "info": _info(predictor),
        "servers": [{"url": "/", "description": "The server that this document came from."}],
        "tags": _tags(contracts, paths),
        "security": security,
        "paths": paths,
        "components": {"schemas": {name: schema for part in schemas for name, schema in part.items()},
                       "responses": _referenced(used, paths), "headers": HEADERS,
                       "securitySchemes": {name: SECURITY_SCHEMES[name] for one in security for name in one}},
    }


def _completed(contract: Contract, path: str, method: str, operation: Json, scopes: Scopes,
               formats: ErrorFormats) -> Json:
    """Add to an operation what follows from its contract, its path and its method."""
    is_open = scopes.required(method.upper(), re.sub(r"\{\w+\}", "x", path)) is None
    errors = (_ANY_REQUEST | (_NAMED_IN_PATH if "{" in path else set()) | (set() if is_open else _AUTHORISED)
              | (_WITH_BODY if "requestBody" in operation else set()))
    return {**operation, "tags": [contract.tag.name], **({"security": []} if is_open else {}),
            "responses": {**operation["responses"], **error_references(formats.at(path), errors)}}


def _tags(contracts: Sequence[Contract], paths: Json) -> list[Json]:
    """List the tags that have an operation."""
    used = {operation["tags"][0] for item in paths.values() for operation in item.values()}
    tags = dict.fromkeys(contract.tag for contract in contracts)
    return [{"name": tag.name, "description": tag.description} for tag in tags if tag.name in used]


def _info(predictor: Predictor) -> Json:
    """Name the service and its model."""
    artefact = predictor.artefact
    return {
        "title": "linear_regressor",
        "version": version("linear-regressor"),
        "summary": f"Predicts {artefact.target} from {', '.join(artefact.features)}.",
        "description": "A linear regression that can tell with every prediction how reliable it is. Every GET route "
                       "also accepts HEAD. A method that a path does not allow is a 405, whose Allow header lists the "
                       "allowed methods, and an unknown path is a 404, both in the error format of their path. An "
                       "incomplete request is a 408, and one with too many headers a 431.",
        "license": {"name": "MIT", "identifier": "MIT"},
        "x-model-digest": f"sha256:{artefact.digest}",
        "x-training-rows": artefact.moments.n,
    }


def _referenced(used: Sequence[ErrorFormat], paths: Json) -> Json:
    """Describe the error responses that an operation refers to."""
    names = {answer["$ref"].rpartition("/")[2] for item in paths.values() for operation in item.values()
             for answer in operation["responses"].values() if "$ref" in answer}
    return {name: response for form in used for name, response in error_responses(form).items() if name in names}
