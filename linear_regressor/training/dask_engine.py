"""``DaskEngine``: the workers of a Dask cluster process the items."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from importlib.metadata import version
from itertools import islice
from typing import Any, Self, TypeAlias

import dask
from dask.system import CPU_COUNT
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.comm.addressing import get_address_host_port

from linear_regressor.errors import ClusterError, LinearRegressorError
from linear_regressor.training.checkpoint import PACKAGES
from linear_regressor.training.engine import Item, Report, Result

Failure: TypeAlias = LinearRegressorError | OSError
Versions: TypeAlias = dict[str, str]

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 30
# The scheduler has at most two batches of items: more than the threads of a large cluster, few enough for its memory.
BATCH = 5_000
# Failures of a local cluster are raised as exceptions; its logs would only report the last heartbeats of workers to a
# scheduler that is closing. Of other clusters WARNING leaves out a line for each connection.
_SILENT = logging.CRITICAL


class DaskEngine:
    """Processes items on a Dask cluster: by default one of its own, with a process for each CPU.

    A worker runs the same function as ``LocalEngine``. Items of a worker that dies go to another one.
    """

    def __init__(self, scheduler: str | None = None, workers: int | None = None) -> None:
        self._scheduler = scheduler
        self._workers = workers or CPU_COUNT
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Connect to the scheduler, or start a local cluster."""
        logging.getLogger("distributed").setLevel(_SILENT if self._scheduler is None else logging.WARNING)
        with ExitStack() as started:
            with nullcontext() if self._scheduler else _deferred_signals():
                address = self._scheduler or started.enter_context(_local_cluster(self._workers))
                self._client = started.enter_context(_client(address))
            self._open = started.pop_all()
        if not self._client.nthreads():
            logger.warning("%s has no workers yet: waiting for the first", self._scheduler)
        return self

    def __exit__(self, *error: object) -> None:
        """Cancel what is not finished, and stop what was started."""
        self._open.close()

    def map(self, function: Callable[[Item, Report], Result], items: Mapping[int, Item],
            report: Report) -> Iterator[tuple[int, Result]]:
        """Yield the key and the result of each item as it finishes; its rows are reported then. See ``Engine``."""
        work, rest = partial(_work, function, _versions()), iter(items.items())
        keys: dict[Future[tuple[Result, int] | Failure], int] = {}
        running = as_completed(loop=self._client.loop)

        def submit() -> None:
            batch = dict(islice(rest, BATCH))
            futures = self._client.map(work, list(batch.values()), pure=False)
            keys.update(zip(futures, batch, strict=True))
            running.update(futures)

        with _cluster_errors():
            submit()
            for finished in running.batches():
                for future, outcome in zip(finished, self._client.gather(finished), strict=True):
                    if isinstance(outcome, LinearRegressorError | OSError):
                        raise outcome
                    result, rows = outcome
                    report(rows)
                    yield keys.pop(future), result
                if len(keys) < BATCH:
                    submit()


def dask_setup(worker: object) -> None:
    """Leave interrupts and logging to the process that started the cluster; Dask calls this in each worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("distributed").setLevel(_SILENT)  # Dask's own silence ends before the worker does


@contextmanager
def _deferred_signals() -> Iterator[None]:
    """Handle SIGINT and SIGTERM at the end of the block: a cluster interrupted while it starts logs tracebacks."""
    if threading.current_thread() is not threading.main_thread():  # other threads receive no signals
        yield
        return
    received: list[int] = []
    before = {number: signal.signal(number, lambda number, _: received.append(number))
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for first in received[:1]:
            signal.raise_signal(first)


@contextmanager
def _local_cluster(workers: int) -> Iterator[LocalCluster]:
    """Start worker processes of one thread each; Dask limits the libraries in them to one thread, too.

    TLS with a certificate of this run keeps other users of the machine from submitting work. No dashboards are served.
    """
    no_routes: dict[str, list[str]] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
    with dask.config.set(no_routes), _started(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", security=True, silence_logs=_SILENT,
            preload=__name__, dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False}) as cluster:
        yield cluster


def _started(**options: Any) -> LocalCluster:
    """Start a local cluster; the reason of a failure is only in the cause of Dask's exception."""
    try:
        return LocalCluster(**options)
    except (RuntimeError, OSError) as error:
        raise ClusterError(f"cannot start a Dask cluster on this machine: {error.__cause__ or error}") from None


def _client(cluster: LocalCluster | str) -> Client:
    """Connect to a cluster."""
    try:
        if isinstance(cluster, str):
            get_address_host_port(cluster)  # a client with an invalid address logs a traceback when it is collected
        return Client(cluster, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask cluster answers at {cluster}: {error}") from None


def _work(function: Callable[[Item, Report], Result], required: Versions,
          item: Item) -> tuple[Result, int] | Failure:
    """Process an item on a worker, and count its rows. Failures are returned, so that the worker does not log them."""
    if (installed := _versions()) != required:
        return ClusterError(f"a worker has {_differences(installed, required)}: the last digits could differ")
    rows: list[int] = []
    try:
        return function(item, rows.append), sum(rows)
    except (LinearRegressorError, OSError) as error:
        return error


def _versions() -> Versions:
    """Versions of the packages that can change a result."""
    return {name: version(name) for name in PACKAGES}


def _differences(installed: Versions, required: Versions) -> str:
    """Name the packages whose versions differ."""
    return ", ".join(f"{name} {installed[name]} instead of {required[name]}"
                     for name in required if installed[name] != required[name])


@contextmanager
def _cluster_errors() -> Iterator[None]:
    """Turn what Dask raises into one-line errors."""
    try:
        yield
    except KilledWorker as error:
        raise ClusterError("several workers died over the same part of the data, the last one at "
                           f"{error.last_worker.address}: they may need more memory") from None
    except CancelledError:
        raise ClusterError("the connection to the cluster was lost") from None
    except ModuleNotFoundError as error:
        raise ClusterError(f"a worker has no {error.name}: install this package there with its extras 'training' and "
                           "'dask'") from None
