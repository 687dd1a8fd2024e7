"""``Service``: the parts that one server process answers requests with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from linear_regressor.serving.followed_file import FollowedFile
from linear_regressor.serving.latest_report import LatestReport
from linear_regressor.serving.observability.access_log import LineWriter
from linear_regressor.serving.observability.tracing import SpanExport
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.predictor.served_traffic import ServedTraffic
from linear_regressor.serving.probes import Probes
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.settings import Settings

if TYPE_CHECKING:
    from linear_regressor.monitoring.store.feedback_store import FeedbackStore

    # prometheus_client decides on import whether counts are shared, so metrics is imported as late as possible
    from linear_regressor.serving.observability.metrics import Metrics


class Readiness:
    """Whether the service accepts further requests: until the process is told to stop."""

    def __init__(self) -> None:
        self.draining = False


class Service(NamedTuple):
    """What routes, worker and server share."""

    settings: Settings
    reloader: ModelReloader
    # all files that are followed: the model and, with AUTH=api-key, the keys
    files: tuple[FollowedFile[Any], ...]
    readiness: Readiness
    metrics: Metrics
    traffic: ServedTraffic
    spans: SpanExport | None
    lines: LineWriter
    probes: Probes
    # beginnings of requests that the worker may answer in its event loop, such as ``b"POST /stream "``
    fast_requests: tuple[bytes, ...]
    # where feedback is stored; None if STORE is not set
    store: FeedbackStore | None
    # what feedback and traffic say about the served model
    report: LatestReport
    # makes the OpenAPI document for a model
    openapi: Callable[[Predictor], Json]

    @property
    def has_due_check(self) -> bool:
        """Whether the next request that may wait has to check a file."""
        return any(file.is_due for file in self.files)
