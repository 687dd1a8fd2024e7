"""``DaskEngine``: pieces of a data set are worked on by the workers of a Dask cluster."""

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
from typing import Any, Self, TypeAlias, TypeVar

import dask
from dask.system import CPU_COUNT
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.comm.addressing import get_address_host_port

from linear_regressor.data.source import Partition
from linear_regressor.errors import ClusterError, LinearRegressorError
from linear_regressor.training.checkpoint import PACKAGES
from linear_regressor.training.engine import Report
from linear_regressor.training.partition_moments import PartitionMoments

Item = TypeVar("Item")
Result = TypeVar("Result")
Fault: TypeAlias = LinearRegressorError | OSError
Versions = dict[str, str]

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 30
# Items are given to the scheduler in batches, of which it has one or two: more than a large cluster has threads, and
# few enough for its memory.
BATCH = 5_000
# What goes wrong with a cluster of our own, exceptions tell. Its logs tell of the last heartbeats of workers to a
# scheduler that ends with them, even after the end; of other clusters WARNING leaves out each connection.
_QUIETEST = logging.CRITICAL


class DaskEngine:
    """Reads pieces in several processes, on this machine or on many.

    Each piece is read by the function that a single process uses, and whoever asked puts the results in the order of
    the pieces: the bytes are the same. What a worker had not finished when it died is given to another one.
    """

    def __init__(self, scheduler: str | None = None, workers: int | None = None) -> None:
        self._scheduler = scheduler
        self._workers = workers or CPU_COUNT
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Start a cluster, or connect to the one that is there."""
        logging.getLogger("distributed").setLevel(_QUIETEST if self._scheduler is None else logging.WARNING)
        with ExitStack() as started:
            with nullcontext() if self._scheduler else _uninterrupted():
                address = self._scheduler or started.enter_context(_local_cluster(self._workers))
                self._client = started.enter_context(_client(address))
            self._open = started.pop_all()
        if not self._client.nthreads():
            logger.warning("%s has no workers yet: waiting for the first", self._scheduler)
        return self

    def __exit__(self, *error: object) -> None:
        """Give up what is not finished, and end what was started."""
        self._open.close()

    def moments(self, partitions: Mapping[int, Partition], test_fraction: float,
                report: Report) -> Iterator[tuple[int, PartitionMoments]]:
        """Read pieces, in the order in which they are finished; as ``Engine.moments``."""
        for place, moments in self.each(partial(PartitionMoments.of, test_fraction=test_fraction), partitions):
            report(partitions[place].rows)
            yield place, moments

    def each(self, work: Callable[[Item], Result], items: Mapping[int, Item]) -> Iterator[tuple[int, Result]]:
        """Do the same to each of many things, one at a time on a thread of a worker."""
        do, rest = partial(_do, work, _versions()), iter(items.items())
        places: dict[Future[Result | Fault], int] = {}
        running = as_completed(loop=self._client.loop)

        def submit() -> None:
            batch = dict(islice(rest, BATCH))
            futures = self._client.map(do, list(batch.values()), pure=False)
            places.update(zip(futures, batch, strict=True))
            running.update(futures)

        with _cluster_errors():
            submit()
            for finished in running.batches():
                for future, result in zip(finished, self._client.gather(finished), strict=True):
                    if isinstance(result, LinearRegressorError | OSError):
                        raise result
                    yield places.pop(future), result
                if len(places) < BATCH:
                    submit()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put off for the seconds of a start what would end the process: half a cluster of Dask's ends with a traceback."""
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread alone
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number))
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for first in came[:1]:
            signal.raise_signal(first)


@contextmanager
def _local_cluster(workers: int) -> Iterator[LocalCluster]:
    """Start processes of one thread each; Dask keeps the libraries in them to one thread as well.

    They and we know each other by a certificate of this run, so that no other user of the machine can give them work;
    and they serve no pages.
    """
    no_pages: dict[str, list[str]] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
    with dask.config.set(no_pages), _started(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", security=True, silence_logs=_QUIETEST,
            preload=__name__, dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False}) as cluster:
        yield cluster


def _started(**options: Any) -> LocalCluster:
    """Start a cluster on this machine; why that fails stands in the cause of what Dask raises, and nowhere else."""
    try:
        return LocalCluster(**options)
    except (RuntimeError, OSError) as error:
        raise ClusterError(f"no Dask cluster can be started on this machine: {error.__cause__ or error}") from None


def dask_setup(worker: object) -> None:
    """Leave interrupts, and all there is to tell, to the process that started the cluster; Dask calls it in a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("distributed").setLevel(_QUIETEST)  # Dask's own silence ends before the worker does


def _client(cluster: LocalCluster | str) -> Client:
    """Connect to a cluster."""
    try:
        if isinstance(cluster, str):
            get_address_host_port(cluster)  # of an address it cannot use a client leaves a traceback behind
        return Client(cluster, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask cluster answers at {cluster}: {error}") from None


def _do(work: Callable[[Item], Result], wanted: Versions, item: Item) -> Result | Fault:
    """Work on an item; on a worker. A fault of the data is a result: the worker has nothing to log about it."""
    if (found := _versions()) != wanted:
        return ClusterError(f"a worker has {_differences(found, wanted)}: the last digits could be others")
    try:
        return work(item)
    except (LinearRegressorError, OSError) as error:
        return error


def _versions() -> Versions:
    """Versions of the packages that decide what comes out."""
    return {name: version(name) for name in PACKAGES}


def _differences(found: Versions, wanted: Versions) -> str:
    """Name the packages whose versions differ."""
    return ", ".join(f"{name} {found[name]} where {wanted[name]} is wanted"
                     for name in wanted if found[name] != wanted[name])


@contextmanager
def _cluster_errors() -> Iterator[None]:
    """Say in one line what is wrong with a cluster."""
    try:
        yield
    except KilledWorker as error:
        raise ClusterError("several workers died over the same piece of the data; the last at "
                           f"{error.last_worker.address}: they may need more memory") from None
    except CancelledError:
        raise ClusterError("the cluster went away") from None
    except ModuleNotFoundError as error:
        raise ClusterError(f"a worker has no {error.name}: it needs this package with its extras 'training' and "
                           "'dask'") from None
