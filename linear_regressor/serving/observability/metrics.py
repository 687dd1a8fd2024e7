"""``Metrics``: the counts that Prometheus scrapes.

To be imported no earlier than an application is made: the Prometheus client looks whether counts are shared between
processes as it is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from linear_regressor.serving.middleware.request_context import UNMATCHED, RequestContext
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.probes import METRICS_PATH

# From the quickest answer to one record to the longest that Cloud Run waits for, with the bounds the alerts use.
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# Any other method is counted as one: who invents methods must not invent series.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OUTCOMES = {True: "taken", False: "refused"}


# What counts one more request of a route, method and status, and notes how long it took.
Noting = tuple[Callable[[], None], Callable[[float], None]]


class Metrics:
    """Counts requests, predictions, faults and reloads, and tells them and the model that is served."""

    def __init__(self, threads: int, folder: str | None = None) -> None:
        disable_created_metrics()  # shared counts could not tell them
        self._threads, self._folder = threads, folder
        self._registry = registry = CollectorRegistry()
        self._requests = Counter("http_requests_total", "Requests that were answered or refused.",
                                 ("route", "method", "code"), registry=registry)
        self._seconds = Histogram("http_request_duration_seconds", "Time from a request's head to its answer's.",
                                  ("route", "method"), registry=registry, buckets=SECONDS)
        self._inflight = Gauge("inflight_requests", "Requests that are being answered, without scrapes.",
                               registry=registry, multiprocess_mode="livesum")
        self._predictions = Counter("predictions_total", "Rows that were predicted.", ("model_version",),
                                    registry=registry)
        self._outside = Counter("ood_total", "Predicted rows that were found out of the range of training.",
                                registry=registry)
        self._faults = Counter("validation_errors_total", "Faults in bodies, by code; at most 20 a request.",
                               ("code",), registry=registry)
        self._reloads = Counter("model_reloads_total", "New model files that were taken or refused, by worker.",
                                ("outcome",), registry=registry)
        self._dropped = Counter("log_lines_dropped_total", "Log lines that nobody read in time.", registry=registry)
        self._noting: dict[tuple[str, str, int], Noting] = {}
        self._predicted: dict[str, Callable[[float], None]] = {}
        for outcome in OUTCOMES.values():
            self._reloads.labels(outcome)  # told from the start, so that the first one is seen as an increase

    def begin(self, context: RequestContext) -> None:
        """Count a request in."""
        if context.environ["PATH_INFO"] != METRICS_PATH:
            self._inflight.inc()

    def end(self, context: RequestContext) -> None:
        """Count a request out."""
        environ = context.environ
        if environ["PATH_INFO"] != METRICS_PATH:
            self._inflight.dec()
        method = environ["REQUEST_METHOD"]
        key = (context.route, method if method in METHODS else "other", context.status)
        count, observe = self._noting.get(key) or self._note(key)
        count()
        observe(context.seconds)
        if context.rows and context.status < 400:
            self._count_rows(context)
        for fault in context.faults:
            self._faults.labels(fault.code).inc()

    def refused(self, status: int) -> None:
        """Count a request that was refused before anything looked at what it asks."""
        self._requests.labels(UNMATCHED, "other", status).inc()

    def reloaded(self, predictor: Predictor, taken: bool) -> None:
        """Count an attempt to take a new model file."""
        self._reloads.labels(OUTCOMES[taken]).inc()

    def dropped(self) -> None:
        """Count a log line that nobody read."""
        self._dropped.inc()

    def forget(self, pid: int) -> None:
        """Take back what a worker that ended had in hand; what it counted stays."""
        if self._folder is not None:
            mark_process_dead(pid, self._folder)

    def exposition(self, predictor: Predictor, accept: str) -> tuple[bytes, str]:
        """Write all of it in the form that the caller understands."""
        encoder, content_type = choose_encoder(accept)
        return encoder(Scrape(self._counts(), predictor, self._threads)), content_type

    def _counts(self) -> Collector:
        """Give the counts of this process, or the sum of those of all workers, dead ones included."""
        if self._folder is None:
            return self._registry
        shared: Collector = MultiProcessCollector(None, self._folder)
        return shared

    def _note(self, key: tuple[str, str, int]) -> Noting:
        """Begin to count a route, method and status; finding a series by its labels costs more than counting."""
        route, method, status = key
        return self._noting.setdefault(key, (self._requests.labels(route, method, status).inc,
                                             self._seconds.labels(route, method).observe))

    def _count_rows(self, context: RequestContext) -> None:
        """Count what was predicted."""
        count = self._predicted.get(context.model)
        if count is None:
            count = self._predicted.setdefault(context.model, self._predictions.labels(context.model).inc)
        count(context.rows)
        if context.outside:
            self._outside.inc(context.outside)


class Scrape(Collector):
    """The counts beside what is true at the moment they are asked for, and so needs no counting.

    The model of the worker that answers the scrape is told as it is: a replaced version leaves no sample behind.
    """

    def __init__(self, counts: Collector, predictor: Predictor, threads: int) -> None:
        self._counts, self._predictor, self._threads = counts, predictor, threads

    def collect(self) -> Iterable[Metric]:
        """Give every metric."""
        yield from self._counts.collect()
        yield from self._now()

    def _now(self) -> Iterator[Metric]:
        """Give what is true now."""
        info = GaugeMetricFamily("model_info", "The model that is served.", labels=("version", "digest"))
        info.add_metric((self._predictor.version, f"sha256:{self._predictor.artefact.digest}"), 1)
        yield info
        yield GaugeMetricFamily("model_trained_rows", "Rows that the model was trained on.",
                                self._predictor.artefact.moments.n)
        yield GaugeMetricFamily("request_threads", "Requests that this server can answer at once.", self._threads)
