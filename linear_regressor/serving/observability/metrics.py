"""``Metrics``: what Prometheus scrapes.

Import this module no earlier than an application is created: on import the Prometheus client decides whether processes
share their counts.
"""

from __future__ import annotations

import glob
import logging
import mmap
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from linear_regressor.monitoring.traffic_file import TrafficFile
from linear_regressor.serving.middleware.request_context import UNMATCHED, RequestContext
from linear_regressor.serving.observability.report_metrics import ReportMetrics
from linear_regressor.serving.observability.traffic_metrics import TrafficMetrics
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.probes import METRICS_PATH
from linear_regressor.serving.schema.encode import Json

# From the fastest response for one record to Cloud Run's longest timeout, with the bounds that the alerts use.
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# All other methods are counted as one, so that clients cannot create series.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FEEDBACK_OUTCOMES = ("stored", "repeated", "conflict", "unavailable")
OUTCOMES = {True: "taken", False: "refused"}

SECONDS_BETWEEN_ATTEMPTS = 1.0
_VALUE_BYTES = 16  # a value and its time
_ENTRY_BYTES = 28 + _VALUE_BYTES  # at most, beside the name of a series, with the slot for lost series

logger = logging.getLogger(__name__)
_merge: Callable[[Sequence[str]], Iterable[Metric]] = MultiProcessCollector.merge

# Route, method and status; the functions that count such a request and record its duration.
SeriesKey = tuple[str, str, int]
RequestSeries = tuple[Callable[[], None], Callable[[float], None]]


class Metrics:
    """Counts requests, predictions, faults and reloads."""

    def __init__(self, threads: int, folder: str | None = None) -> None:
        disable_created_metrics()  # not available for shared counts
        self._threads, self._folder = threads, folder
        self._registry = registry = CollectorRegistry()
        self._requests = Counter("http_requests_total", "Requests that were answered or rejected.",
                                 ("route", "method", "code"), registry=registry)
        self._seconds = Histogram("http_request_duration_seconds", "Time from the request's head to the response's.",
                                  ("route", "method"), registry=registry, buckets=SECONDS)
        self._inflight = Gauge("inflight_requests", "Requests that are being answered, without scrapes.",
                               registry=registry, multiprocess_mode="livesum")
        self._predictions = Counter("predictions_total", "Rows that were predicted.", ("model_version",),
                                    registry=registry)
        self._outside = Counter("ood_total", "Predicted rows that were outside the range of the training data.",
                                registry=registry)
        self._faults = Counter("validation_errors_total", "Faults in bodies, by code; at most 20 per request.",
                               ("code",), registry=registry)
        self._reloads = Counter("model_reloads_total", "New model files that were taken or refused, by worker.",
                                ("outcome",), registry=registry)
        self._feedback = Counter("feedback_rows_total", "Rows of feedback, by what became of them.", ("outcome",),
                                 registry=registry)
        self._store_seconds = Histogram("feedback_store_duration_seconds", "Time that a request waited for the store.",
                                        registry=registry, buckets=SECONDS)
        self._dropped = Counter("log_lines_dropped_total", "Log lines that were not read in time.", registry=registry)
        # Finding a series by its labels takes longer than counting, so the found ones are cached.
        self._request_series: dict[SeriesKey, RequestSeries] = {}
        self._prediction_series: dict[str, Callable[[float], None]] = {}
        for outcome in OUTCOMES.values():
            self._reloads.labels(outcome)  # start at zero, so that Prometheus sees the first as an increase
        for outcome in FEEDBACK_OUTCOMES:
            self._feedback.labels(outcome)

    def begin(self, context: RequestContext) -> None:
        """Count a request as in flight."""
        if context.environ["PATH_INFO"] != METRICS_PATH:
            self._inflight.inc()

    def end(self, context: RequestContext) -> None:
        """Count a request as answered."""
        environ = context.environ
        if environ["PATH_INFO"] != METRICS_PATH:
            self._inflight.dec()
        method = environ["REQUEST_METHOD"]
        key = (context.route, method if method in METHODS else "other", context.status)
        count, observe = self._request_series.get(key) or self._add_series(*key)
        count()
        observe(context.seconds)
        if context.rows and context.status < 400:
            self._count_rows(context)
        for fault in context.faults:
            self._faults.labels(fault.code).inc()

    def refused(self, status: int) -> None:
        """Count a request that the worker rejected before the application saw it."""
        self._requests.labels(UNMATCHED, "other", status).inc()

    def reloaded(self, taken: bool) -> None:
        """Count an attempt to load a changed model file."""
        self._reloads.labels(OUTCOMES[taken]).inc()

    def store_answered(self, outcome: str, rows: int, seconds: float) -> None:
        """Count the rows of a request for the feedback store."""
        self._feedback.labels(outcome).inc(rows)
        self._store_seconds.observe(seconds)

    def dropped(self) -> None:
        """Count a dropped log line."""
        self._dropped.inc()

    def forget(self, pid: int) -> None:
        """Drop the requests in flight of a worker that ended; its other counts stay."""
        if self._folder is not None:
            with suppress(OSError):  # called by the arbiter, which would end
                mark_process_dead(pid, self._folder)

    def exposition(self, predictor: Predictor, traffic: TrafficFile, report: Json | None,
                   accept: str) -> tuple[bytes, str]:
        """Return the metrics of all workers and their media type, as the Accept header asks."""
        counts = self._registry if self._folder is None else SharedCounts(self._folder)
        encoder, content_type = _choose_encoder(accept)
        return encoder(Scrape(counts, predictor, traffic, report, self._threads)), content_type

    def _add_series(self, route: str, method: str, status: int) -> RequestSeries:
        return self._request_series.setdefault((route, method, status), (
            self._requests.labels(route, method, status).inc, self._seconds.labels(route, method).observe))

    def _count_rows(self, context: RequestContext) -> None:
        count = self._prediction_series.get(context.model)
        if count is None:
            count = self._prediction_series.setdefault(context.model, self._predictions.labels(context.model).inc)
        count(context.rows)
        if context.outside:
            self._outside.inc(context.outside)


def _choose_encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """Choose the format for an Accept header; that of a client that asks for none, if a version is not one."""
    try:
        return choose_encoder(accept)
    except TypeError:  # of the Prometheus client, which compares versions without checking them
        return choose_encoder("")


class CountFile(MmapedDict):
    """The counts of one process in a file whose space is reserved: a full file system must not end the process.

    Storing into a mapped page that the file system cannot provide raises SIGBUS. A series without space is stored in
    the last bytes of the mapping, which nobody reads, and gets its full value once there is space.
    """

    _is_reported = False  # one line for all files of a process
    _f: Any
    write_value: Any

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        self._fname, self._f = filename, None
        self._m = mmap.mmap(-1, _VALUE_BYTES)  # until there is a file
        self._capacity = self._used = _VALUE_BYTES
        self._positions: dict[str, int] = {}
        self._lost: set[str] = set()
        self._next_attempt = 0.0
        self._grow()

    def _init_value(self, key: str) -> None:
        """Add a series."""
        while self._used + len(key.encode()) + _ENTRY_BYTES > self._capacity:
            if not self._grow():
                self._lose(key)
                return
        super()._init_value(key)  # type: ignore[no-untyped-call]  # the client is untyped

    def _lose(self, key: str) -> None:
        """Store a series where nobody reads it, and try again when it is counted later."""
        self._positions[key] = self._capacity - _VALUE_BYTES
        self._m[-_VALUE_BYTES:] = bytes(_VALUE_BYTES)
        self._lost.add(key)
        self.write_value = self._retry_and_write  # on this object only, so that counting costs nothing more otherwise

    def _retry_and_write(self, key: str, value: float, timestamp: float) -> None:
        if key in self._lost and time.monotonic() >= self._next_attempt:
            self._lost.remove(key)
            del self._positions[key]
        super().write_value(key, value, timestamp)  # type: ignore[no-untyped-call]  # the client is untyped

    def _grow(self) -> bool:
        """Create the file or double it; return whether the file system has space for that."""
        if time.monotonic() < self._next_attempt:
            return False
        try:
            self._reserve(mmap.PAGESIZE if self._f is None else 2 * self._capacity)
        except OSError as error:
            self._next_attempt = time.monotonic() + SECONDS_BETWEEN_ATTEMPTS
            if not CountFile._is_reported:
                CountFile._is_reported = True
                logger.error("metrics are incomplete until there is space in %s: %s", os.path.dirname(self._fname),
                             error.strerror)
            return False
        for key in self._lost:
            self._positions.pop(key, None)
        self._lost.clear()
        self.__dict__.pop("write_value", None)
        return True

    def _reserve(self, capacity: int) -> None:
        """Reserve space and map it."""
        if self._f is not None:
            _allocate(self._f, capacity)  # not by its name, which may have been removed
            self._m, self._capacity = mmap.mmap(self._f.fileno(), capacity), capacity
            return
        try:
            with open(self._fname, "ab") as file:
                _allocate(file, capacity)
        except OSError:
            with suppress(OSError):
                os.unlink(self._fname)
            raise
        super().__init__(self._fname)  # type: ignore[no-untyped-call]  # the client is untyped


def _allocate(file: BinaryIO, capacity: int) -> None:
    """Reserve the space of a file up to a length; macOS can only set the length."""
    allocate = getattr(os, "posix_fallocate", None)
    allocate(file.fileno(), 0, capacity) if allocate else file.truncate(capacity)


vars(values)["MmapedDict"] = CountFile  # read by the client when it makes the first metric


class SharedCounts(MultiProcessCollector):
    """The counts of all workers, without files that cannot be read: those of killed workers may be damaged."""

    _skipped: set[str] = set()

    def __init__(self, folder: str) -> None:
        self._path = folder  # a removed folder has no counts, but is no error

    def collect(self) -> Iterable[Metric]:
        """Add up the counts."""
        files = glob.glob(os.path.join(self._path, "*.db"))
        try:
            return _merge(files)
        except Exception:  # of any kind: the files can hold anything
            return _merge([file for file in files if self._is_readable(file)])

    def _is_readable(self, file: str) -> bool:
        try:
            _merge([file])
        except Exception as error:
            if file not in self._skipped and not isinstance(error, FileNotFoundError):
                self._skipped.add(file)
                logger.warning("skipped the metrics in %s, which cannot be read: %s", file, error)
            return False
        return True


class Scrape(Collector):
    """The counts and the present state, which needs no counting: a replaced model leaves no series behind."""

    def __init__(self, counts: Collector, predictor: Predictor, traffic: TrafficFile, report: Json | None,
                 threads: int) -> None:
        self._counts, self._predictor, self._threads = counts, predictor, threads
        self._monitoring = TrafficMetrics(predictor.artefact, traffic), ReportMetrics(report)

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        yield from self._counts.collect()
        artefact = self._predictor.artefact
        info = GaugeMetricFamily("model_info", "The model that is served.", labels=("version", "digest"))
        info.add_metric((self._predictor.version, f"sha256:{artefact.digest}"), 1)
        yield info
        yield GaugeMetricFamily("model_trained_rows", "Rows that the model was trained on.", artefact.moments.n)
        yield GaugeMetricFamily("request_threads", "Requests that this server can answer at once.", self._threads)
        for part in self._monitoring:
            yield from part.collect()
