"""``Contract``: all that the application must know about one group of routes.

A named tuple, because Python makes one in a tenth of the time of a frozen dataclass, and every start pays for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from flask import Blueprint

from linear_regressor.serving.middleware.errors import PROBLEM_DETAILS, ErrorFormat
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings


class Tag(NamedTuple):
    """A heading of the OpenAPI document."""

    name: str
    description: str


# Shared by the page, the API documentation, probes and metrics.
SERVICE_TAG = Tag("service", "Pages, probes, metrics and this document.")


class Contract(NamedTuple):
    """Routes with their description, error format, probes and scopes; the application is a tuple of these."""

    tag: Tag
    # makes the routes; the name of the blueprint must be unique
    routes: Callable[[Service], Blueprint]
    # OpenAPI: operations by path and method, made with openapi.operation.operation()
    paths: Callable[[Predictor, Settings], Json]
    # OpenAPI: component schemas by name
    schemas: Callable[[Predictor], Json] = lambda predictor: {}
    # the format of errors, and the path prefixes below which it applies
    error_format: ErrorFormat = PROBLEM_DETAILS
    error_prefixes: tuple[str, ...] = ()
    # exact paths that platforms request to check the health of the service: open, answered first, not logged
    probes: Callable[[Settings], Iterable[str]] = lambda settings: ()
    # routes that GET and HEAD requests need no scope for, spelled as Flask's route templates
    open_routes: tuple[str, ...] = ()
    # scope by path prefix; routes without one need the scope predict
    scopes: tuple[tuple[str, str], ...] = ()
    # paths that a setting chose, with the name of that setting; they must not hide routes of other contracts
    chosen_paths: Callable[[Settings], Mapping[str, str]] = lambda settings: {}
