"""``DaskEngine``, on real clusters of processes."""

import logging
import os
import signal
from collections.abc import Iterator
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
from linear_regressor.training.engine import LocalEngine
from linear_regressor.training.partition_moments import PartitionMoments, total
from tests.command_line import run_process

COLUMNS = Columns(("a", "b"), "y", key="id")
FILES = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write rows into files of two formats, each file one piece."""
    folder, random = tmp_path_factory.mktemp("rows"), np.random.default_rng(0)
    for number in range(FILES):
        a, b, noise = random.normal(5.0, 2.0, (3, 20_000))
        table = pa.table({"id": np.arange(20_000) + 20_000 * number, "a": a, "b": b, "y": 2 * a - b + noise})
        if number % 2:
            pa.parquet.write_table(table, folder / f"{number:02}.parquet")
        else:
            pa.csv.write_csv(table, folder / f"{number:02}.csv")
    return folder


@pytest.fixture(scope="module")
def partitions(folder: Path) -> dict[int, Partition]:
    """The pieces of these files."""
    return dict(enumerate(Source.of(str(folder), COLUMNS).partitions()))


def started(workers: int) -> LocalCluster:
    """Start a cluster that is not the engine's own: with nothing between it and who knows its address."""
    return LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", silence_logs="CRITICAL",
                        dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False})


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Start a cluster as others would have one; a piece may cost one worker, not two."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}), started(workers=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def engine(cluster: LocalCluster) -> Iterator[DaskEngine]:
    """Connect to that cluster by its address."""
    with DaskEngine(cluster.scheduler_address) as engine:
        yield engine


def in_order(found: dict[int, PartitionMoments]) -> list[str]:
    """Digests of the training and the test rows of each piece and of all, in the order of the pieces."""
    parts = [found[place] for place in sorted(found)]
    return [part.digest for each in [*parts, total(parts)] for part in (each.training, each.test) if part]


@pytest.mark.parametrize("fraction", [0.0, 0.3])
def test_the_bytes_are_those_of_one_process(engine: DaskEngine, partitions: dict[int, Partition], fraction: float,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each piece and of the sum, however many go to the cluster at a time; and every row is reported, once."""
    monkeypatch.setattr(dask_engine, "BATCH", 5)
    rows: list[int] = []

    found = dict(engine.moments(partitions, fraction, rows.append))

    assert in_order(dict(LocalEngine().moments(partitions, fraction, int))) == in_order(found)
    assert sum(partition.rows for partition in partitions.values()) == sum(rows)


def test_wide_rows_give_the_bytes_of_one_process_too(engine: DaskEngine, tmp_path: Path) -> None:
    """Where several threads of a matrix product would round otherwise than one."""
    names = tuple(f"x{number}" for number in range(150))
    random = np.random.default_rng(0)
    pa.parquet.write_table(pa.table({name: random.normal(size=20_000) for name in (*names, "y")}),
                           tmp_path / "rows.parquet")
    partitions = dict(enumerate(Source.of(str(tmp_path), Columns(names, "y")).partitions()))

    found = dict(engine.moments(partitions, 0.0, int))

    assert in_order(dict(LocalEngine().moments(partitions, 0.0, int))) == in_order(found)


def test_a_worker_killed_half_way_changes_nothing(engine: DaskEngine, cluster: LocalCluster,
                                                  partitions: dict[int, Partition]) -> None:
    """Its pieces go to the other one, or to its successor."""
    found, killed = {}, None
    for place, moments in engine.moments(partitions, 0.3, int):
        found[place] = moments
        if killed is None:
            killed = cluster.workers[0].pid
            os.kill(killed, signal.SIGKILL)

    assert killed != cluster.workers[0].pid
    assert in_order(dict(LocalEngine().moments(partitions, 0.3, int))) == in_order(found)


def test_a_fault_of_the_data_is_named_as_in_one_process(engine: DaskEngine, tmp_path: Path) -> None:
    """File, column and row."""
    (tmp_path / "rows.csv").write_text("id,a,b,y\n1,2,3,4\n5,6,x,8\n")
    partitions = dict(enumerate(Source.of(str(tmp_path), COLUMNS).partitions()))
    with pytest.raises(DataError) as expected:
        list(LocalEngine().moments(partitions, 0.3, int))

    with pytest.raises(DataError, match=r"rows.csv: column 'b', row 2 ") as error:
        list(engine.moments(partitions, 0.3, int))

    assert str(expected.value) == str(error.value)


def test_a_piece_that_kills_worker_after_worker_is_given_up(engine: DaskEngine, partitions: dict[int, Partition]) -> None:
    """Instead of trying for ever."""
    with pytest.raises(ClusterError, match="several workers died over the same piece of the data; the last at tcp:"):
        list(engine.each(lambda partition: os.kill(os.getpid(), signal.SIGKILL), {0: partitions[0]}))


def test_a_worker_without_the_package_is_one_line(engine: DaskEngine) -> None:
    """It names what is missing."""
    def work(item: int) -> None:
        raise ModuleNotFoundError("No module named 'linear_regressor'", name="linear_regressor")

    with pytest.raises(ClusterError, match="a worker has no linear_regressor: it needs this package with its extras"):
        list(engine.each(work, {0: 0}))


def test_a_cluster_without_workers_is_waited_for(partitions: dict[int, Partition], caplog: pytest.LogCaptureFixture) -> None:
    """It may start them on demand; that there are none yet is said."""
    with started(workers=0) as cluster, DaskEngine(cluster.scheduler_address) as engine:
        cluster.scale(1)
        found = dict(engine.moments({0: partitions[0]}, 0.0, int))

    assert [0] == list(found)
    assert f"{cluster.scheduler_address} has no workers yet: waiting for the first" in caplog.messages


def test_a_worker_of_other_versions_is_refused(engine: DaskEngine, partitions: dict[int, Partition],
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """They could round otherwise."""
    monkeypatch.setattr(dask_engine, "_versions", lambda: {"numpy": "1.0"})

    with pytest.raises(ClusterError, match=rf"a worker has numpy {np.__version__} where 1.0 is wanted"):
        list(engine.moments(partitions, 0.0, int))


def test_a_cluster_that_goes_away_is_one_line(partitions: dict[int, Partition]) -> None:
    """What was finished before is with the caller already."""
    with started(workers=1) as cluster, DaskEngine(cluster.scheduler_address) as engine:
        running = engine.moments(partitions, 0.0, int)
        next(running)
        cluster.close()
        with pytest.raises(ClusterError, match="the cluster went away"):
            list(running)


def test_no_cluster_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the address."""
    monkeypatch.setattr(dask_engine, "CONNECT_SECONDS", 0.5)

    with pytest.raises(ClusterError, match="no Dask cluster answers at tcp://127.0.0.1:1: "), DaskEngine(
            "tcp://127.0.0.1:1"):
        pass


@pytest.mark.parametrize("address", ["nonsense://1", "127.0.0.1", "tcp://"])
def test_an_address_that_is_none_is_one_line(address: str) -> None:
    """Not what Dask says of it."""
    with pytest.raises(ClusterError, match=f"no Dask cluster answers at {address}: "), DaskEngine(address):
        pass


@pytest.mark.parametrize("address", ["foo://x", "tcp://x:y"])
def test_the_command_says_one_line_of_an_address_that_is_none(folder: Path, tmp_path: Path, address: str) -> None:
    """And leaves no traceback at its end."""
    done = run_process("train", "--data", folder, "--features", "a,b", "--target", "y", "--engine", "dask",
                       "--scheduler", address, "--model-save-path", tmp_path / "model.joblib")
    assert (1, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert done.stderr.startswith(f"Error: no Dask cluster answers at {address}: ")


def test_a_cluster_that_cannot_be_started_is_one_line_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its logs are silent, so the error has to tell: here each worker fails as it imports what prepares it."""
    monkeypatch.setattr(dask_engine, "__name__", "no_such_module")

    with pytest.raises(ClusterError, match="no Dask cluster can be started on this machine: No module named "
                                           "'no_such_module'"), DaskEngine(workers=1):
        pass


def _can_be_heard(_: object) -> bool:
    """Tell whether an error of Dask's would be logged in this process."""
    return any(logging.getLogger(f"distributed.{part}").isEnabledFor(logging.ERROR)
               for part in ("worker", "nanny", "scheduler", "comm.tcp"))


def test_an_interrupt_while_a_cluster_starts_ends_it_when_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask cannot end in silence what it has begun to start."""
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


def test_a_cluster_of_our_own_ends_in_silence() -> None:
    """Its processes end one after the other, and what they notice of that is for nobody, also after the end."""
    with DaskEngine(workers=1) as engine:
        assert [(0, False)] == list(engine.each(_can_be_heard, {0: None}))
    assert not _can_be_heard(None)


def test_the_command_gives_the_same_model_file(folder: Path, tmp_path: Path) -> None:
    """And says nothing more than without a cluster."""
    files = []
    for engine in ("local", "dask"):
        path = tmp_path / engine / "model.joblib"
        done = run_process("train", "--data", folder, "--features", "a,b", "--target", "y", "--key", "id",
                           "--standardize", "--model-save-path", path, "--report-path", path.parent, "--engine", engine)
        assert (0, "") == (done.returncode, done.stderr)
        files.append(path.read_bytes())

    assert files[0] == files[1]
