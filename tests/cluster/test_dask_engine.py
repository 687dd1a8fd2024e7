"""``DaskEngine`` on real clusters of worker processes."""

import logging
import os
import signal
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from distributed import LocalCluster

from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Partition, Source
from linear_regressor.errors import ClusterError, DataError
from linear_regressor.training import dask_engine
from linear_regressor.training.dask_engine import DaskEngine
from linear_regressor.training.engine import Engine, LocalEngine, Report
from linear_regressor.training.partition_moments import PartitionMoments, total
from tests.command_line import run_process

COLUMNS = Columns(("a", "b"), "y", key="id")
FILES, ROWS = 24, 20_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files in two formats, each of them one partition."""
    folder, random = tmp_path_factory.mktemp("rows"), np.random.default_rng(0)
    for number in range(FILES):
        a, b, noise = random.normal(5.0, 2.0, (3, ROWS))
        table = pa.table({"id": np.arange(ROWS) + ROWS * number, "a": a, "b": b, "y": 2 * a - b + noise})
        if number % 2:
            pa.parquet.write_table(table, folder / f"{number:02}.parquet")
        else:
            pa.csv.write_csv(table, folder / f"{number:02}.csv")
    return folder


@pytest.fixture(scope="module")
def partitions(folder: Path) -> dict[int, Partition]:
    """The partitions of these files."""
    return dict(enumerate(Source.of(str(folder), COLUMNS).partitions()))


def started(workers: int) -> LocalCluster:
    """Start a cluster that anyone who knows its address may use, unlike one that the engine starts."""
    return LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", silence_logs="CRITICAL",
                        dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False})


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A running cluster; an item fails when the second worker dies over it."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}), started(workers=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def engine(cluster: LocalCluster) -> Iterator[DaskEngine]:
    """An engine that is connected to that cluster."""
    with DaskEngine(cluster.scheduler_address) as engine:
        yield engine


def read(engine: Engine, partitions: Mapping[int, Partition], fraction: float,
         report: Report = int) -> Iterator[tuple[int, PartitionMoments]]:
    """Read the moments of partitions."""
    return engine.map(partial(PartitionMoments.of, test_fraction=fraction), partitions, report)


def digests(engine: Engine, partitions: Mapping[int, Partition], fraction: float, report: Report = int) -> list[str]:
    """Digests of the moments of partitions; see ``in_order``."""
    return in_order(dict(read(engine, partitions, fraction, report)))


def in_order(moments: dict[int, PartitionMoments]) -> list[str]:
    """Digests of the training and the test rows of each partition and of all, in the order of the partitions."""
    parts = [moments[place] for place in sorted(moments)]
    return [part.digest for each in [*parts, total(parts)] for part in (each.training, each.test) if part]


@pytest.mark.parametrize("fraction", [0.0, 0.3])
def test_the_moments_are_those_of_one_process_to_the_byte(engine: DaskEngine, partitions: dict[int, Partition],
                                                          fraction: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each partition and of the sum, whatever the batch size; and every row is reported once."""
    monkeypatch.setattr(dask_engine, "BATCH", 5)
    rows: list[int] = []

    assert digests(LocalEngine(), partitions, fraction) == digests(engine, partitions, fraction, rows.append)
    assert FILES * ROWS == sum(rows)


def test_the_moments_of_wide_rows_are_those_of_one_process_to_the_byte(engine: DaskEngine, tmp_path: Path) -> None:
    """A matrix product of several threads would round differently."""
    names = tuple(f"x{number}" for number in range(150))
    random = np.random.default_rng(0)
    pa.parquet.write_table(pa.table({name: random.normal(size=20_000) for name in (*names, "y")}),
                           tmp_path / "rows.parquet")
    partitions = dict(enumerate(Source.of(str(tmp_path), Columns(names, "y")).partitions()))

    assert digests(LocalEngine(), partitions, 0.0) == digests(engine, partitions, 0.0)


def test_the_moments_are_the_same_if_a_worker_is_killed(engine: DaskEngine, cluster: LocalCluster,
                                                        partitions: dict[int, Partition]) -> None:
    """Its partitions go to another worker."""
    result, killed = {}, None
    for place, moments in read(engine, partitions, 0.3):
        result[place] = moments
        if killed is None:
            killed = cluster.workers[0].pid
            os.kill(killed, signal.SIGKILL)

    assert killed != cluster.workers[0].pid
    assert digests(LocalEngine(), partitions, 0.3) == in_order(result)


def test_an_error_in_the_data_is_reported_as_in_one_process(engine: DaskEngine, tmp_path: Path) -> None:
    """With file, column and row."""
    (tmp_path / "rows.csv").write_text("id,a,b,y\n1,2,3,4\n5,6,x,8\n")
    partitions = dict(enumerate(Source.of(str(tmp_path), COLUMNS).partitions()))
    with pytest.raises(DataError) as expected:
        list(read(LocalEngine(), partitions, 0.3))

    with pytest.raises(DataError, match=r"rows.csv: column 'b', row 2 ") as error:
        list(read(engine, partitions, 0.3))

    assert str(expected.value) == str(error.value)


def test_an_item_that_kills_several_workers_is_an_error(engine: DaskEngine) -> None:
    """It is not retried for ever."""
    with pytest.raises(ClusterError, match="several workers died over the same part of the data, the last one at tcp:"):
        list(engine.map(lambda item, report: os.kill(os.getpid(), signal.SIGKILL), {0: None}, int))


def test_a_worker_without_the_package_is_a_one_line_error(engine: DaskEngine) -> None:
    """It names the missing package."""
    def work(item: int, report: Report) -> None:
        raise ModuleNotFoundError("No module named 'linear_regressor'", name="linear_regressor")

    with pytest.raises(ClusterError, match="a worker has no linear_regressor: install this package there with"):
        list(engine.map(work, {0: 0}, int))


def test_a_cluster_without_workers_is_waited_for(partitions: dict[int, Partition],
                                                 caplog: pytest.LogCaptureFixture) -> None:
    """It may start them on demand; a warning says that there are none yet."""
    with started(workers=0) as cluster, DaskEngine(cluster.scheduler_address) as engine:
        cluster.scale(1)
        result = dict(read(engine, {0: partitions[0]}, 0.0))

    assert [0] == list(result)
    assert f"{cluster.scheduler_address} has no workers yet: waiting for the first" in caplog.messages


def test_a_worker_with_other_versions_is_rejected(engine: DaskEngine, partitions: dict[int, Partition],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """They could round differently."""
    monkeypatch.setattr(dask_engine, "_versions", lambda: {"numpy": "1.0"})

    with pytest.raises(ClusterError, match=rf"a worker has numpy {np.__version__} instead of 1.0: "):
        list(read(engine, partitions, 0.0))


def test_a_lost_cluster_is_a_one_line_error(partitions: dict[int, Partition]) -> None:
    """The caller already has the results from before."""
    with started(workers=1) as cluster, DaskEngine(cluster.scheduler_address) as engine:
        running = read(engine, partitions, 0.0)
        next(running)
        cluster.close()
        with pytest.raises(ClusterError, match="the connection to the cluster was lost"):
            list(running)


def test_a_missing_cluster_is_a_one_line_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the address."""
    monkeypatch.setattr(dask_engine, "CONNECT_SECONDS", 0.5)

    with pytest.raises(ClusterError, match="no Dask cluster answers at tcp://127.0.0.1:1: "), DaskEngine(
            "tcp://127.0.0.1:1"):
        pass


@pytest.mark.parametrize("address", ["nonsense://1", "127.0.0.1", "tcp://"])
def test_an_invalid_address_is_a_one_line_error(address: str) -> None:
    """Instead of an exception of Dask."""
    with pytest.raises(ClusterError, match=f"no Dask cluster answers at {address}: "), DaskEngine(address):
        pass


@pytest.mark.parametrize("address", ["foo://x", "tcp://x:y"])
def test_the_command_prints_one_line_for_an_invalid_address(folder: Path, tmp_path: Path, address: str) -> None:
    """Without a traceback when the process ends."""
    done = run_process("train", "--data", folder, "--features", "a,b", "--target", "y", "--engine", "dask",
                       "--scheduler", address, "--model-save-path", tmp_path / "model.joblib")
    assert (1, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert done.stderr.startswith(f"Error: no Dask cluster answers at {address}: ")


def test_a_local_cluster_that_fails_to_start_is_an_error_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its logs are silenced, so the error must say it: here each worker fails to import its preload module."""
    monkeypatch.setattr(dask_engine, "__name__", "no_such_module")

    with pytest.raises(ClusterError, match="cannot start a Dask cluster on this machine: No module named "
                                           "'no_such_module'"), DaskEngine(workers=1):
        pass


def logs_errors(item: object, report: Report) -> bool:
    """Whether an error of Dask would be logged in this process."""
    return any(logging.getLogger(f"distributed.{part}").isEnabledFor(logging.ERROR)
               for part in ("worker", "nanny", "scheduler", "comm.tcp"))


def test_an_interrupt_while_a_cluster_starts_closes_it_once_it_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask cannot stop a start half-way without a traceback."""
    start, before, started = dask_engine._started, signal.getsignal(signal.SIGINT), []

    def interrupted(**options: Any) -> LocalCluster:
        signal.raise_signal(signal.SIGINT)
        started.append(start(**options))
        return started[0]

    monkeypatch.setattr(dask_engine, "_started", interrupted)
    with pytest.raises(KeyboardInterrupt), DaskEngine(workers=1):
        pass

    assert ["closed"] == [cluster.status.name for cluster in started]
    assert before is signal.getsignal(signal.SIGINT)


def test_a_local_cluster_stops_without_log_lines() -> None:
    """Its processes stop one after the other, and the errors that this causes in the others are not logged."""
    with DaskEngine(workers=1) as engine:
        assert [(0, False)] == list(engine.map(logs_errors, {0: None}, int))
    assert not logs_errors(None, int)


def test_the_command_writes_the_same_model_file_with_either_engine(folder: Path, tmp_path: Path) -> None:
    """And prints nothing else on standard error."""
    files = []
    for engine in ("local", "dask"):
        path = tmp_path / engine / "model.joblib"
        done = run_process("train", "--data", folder, "--features", "a,b", "--target", "y", "--key", "id",
                           "--standardize", "--model-save-path", path, "--report-path", path.parent, "--engine", engine)
        assert (0, "") == (done.returncode, done.stderr)
        files.append(path.read_bytes())

    assert files[0] == files[1]
