"""Training on a stream of partitions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error, r2_score

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.data import source, splitting
from linear_regressor.data.source import BLOCK_ROWS, Partition
from linear_regressor.errors import DataError, DivergenceError, QualityError, RateError, SettingError
from linear_regressor.formats import file_format
from linear_regressor.model.histogram import FineHistogram
from linear_regressor.training import report
from linear_regressor.training import train as training_module
from linear_regressor.training.checkpoint import digest
from linear_regressor.training.config import TrainingConfig, highest_outside_share
from linear_regressor.training.engine import Item, LocalEngine, Report, Result
from linear_regressor.training.partition_moments import PartitionMoments, total
from linear_regressor.training.train import Training, train_stream
from tests import data_sets
from tests.data_sets import ENDINGS, rows, saved

NOW = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
CONFIG = TrainingConfig(("x1", "x2", "x3"), test_rows=0, test_fraction=0.25)


class Killed(Exception):
    """Stands for the end of the process."""


class Dying(LocalEngine):
    """An engine that dies after some items, and counts those that it was given."""

    def __init__(self, alive: int) -> None:
        self.alive, self.given = alive, 0

    def map(self, function: Callable[[Item, Report], Result], items: Mapping[int, Item],
            report: Report) -> Iterator[tuple[int, Result]]:
        """Process items until the end."""
        self.given = len(items)
        for number, result in enumerate(super().map(function, items, report)):
            if number == self.alive:
                raise Killed
            yield result


def train(location: Path, path: Path, config: TrainingConfig = CONFIG, engine: LocalEngine | None = None) -> Training:
    """Train on the files at a location."""
    data = data_sets.source(location, ",".join(config.features), where=config.where, key=config.key)
    return train_stream(data.partitions(), config, path, NOW, engine or LocalEngine(), int)


def split(table: pa.Table, fraction: float) -> tuple[Any, Any, Any, Any]:
    """Training and test rows of a table, by the hash of each row."""
    Z = np.column_stack([table[name].to_numpy() for name in ("x1", "x2", "x3", "y")])
    test = splitting.in_test(splitting.hash_values(Z.T), fraction)
    return Z[~test, :-1], Z[~test, -1], Z[test, :-1], Z[test, -1]


def test_a_stream_gives_the_model_of_the_same_rows_in_memory(tmp_path: Path, random: np.random.Generator) -> None:
    """Weights, errors, limits and certificate are those of the training and test rows."""
    table = rows(random, 3000)
    X, y, X_test, y_test = split(table, 0.25)
    best = LinearRegression().fit(X, y)

    training = train(saved(table, tmp_path / "rows.parquet", 700), tmp_path / "model")

    artefact = training.artefact
    assert artefact.W == pytest.approx(best.coef_, rel=1e-9)
    assert artefact.b == pytest.approx(best.intercept_, rel=1e-9)
    assert training.evaluation.r2 == pytest.approx(r2_score(y_test, best.predict(X_test)), rel=1e-9)
    assert training.evaluation.mean_squared_error == pytest.approx(mean_squared_error(y_test, best.predict(X_test)))
    assert len(y) == artefact.moments.n == artefact.card["data"]["rows"]
    assert artefact.minimum is not None and artefact.maximum is not None
    np.testing.assert_array_equal(X.min(axis=0), artefact.minimum)
    np.testing.assert_array_equal(X.max(axis=0), artefact.maximum)
    assert training.certificate.gap < 1e-12
    assert {"test_fraction": 0.25, "key": None, "where": None, "standardize": False}.items() <= \
        artefact.card["settings"].items()
    np.testing.assert_array_equal(X[:1000], training.shown[0].X)
    np.testing.assert_array_equal(y_test[:1000], training.shown[1].y)


@pytest.mark.parametrize("files", [1, 3])
def test_the_profile_counts_the_training_rows(tmp_path: Path, random: np.random.Generator, files: int) -> None:
    """All of them, in bins that each hold a sixteenth at least; not the test rows, and whatever the partitions."""
    table = rows(random, 3000)
    X, y, _, _ = split(table, 0.25)
    for number in range(files):
        saved(table.slice(number * 3000 // files, 3000 // files), tmp_path / "rows" / f"{number}.parquet", 700)

    profile = train(tmp_path / "rows", tmp_path / "model").artefact.profile

    assert profile is not None and profile.highest_outside_share == highest_outside_share(len(y) - 4)
    for column, edges, counts in zip(X.T, profile.edges, profile.counts, strict=True):
        np.testing.assert_array_equal(FineHistogram.of(column).edges(), edges)
        np.testing.assert_array_equal(np.histogram(column, [-np.inf, *edges, np.inf])[0], counts)
        assert counts.min() >= len(y) / 16 and len(edges) >= 12


def test_every_format_gives_the_same_bytes(tmp_path: Path, random: np.random.Generator) -> None:
    """Only the bounds of the partitions can change a last digit."""
    table = rows(random, 2000)
    for ending in ENDINGS:
        saved(table, tmp_path / ending / f"rows{ending}", 123)
        train(tmp_path / ending, tmp_path / f"model{ending}")

    assert 1 == len({(tmp_path / f"model{ending}").read_bytes() for ending in ENDINGS})


@given(st.integers(20, 300), st.lists(st.integers(1, 300), max_size=3), st.integers(1, 64), st.integers(1, 100),
       st.randoms(use_true_random=False))
def test_any_division_into_files_gives_the_same_moments(tmp_path_factory: pytest.TempPathFactory, count: int,
                                                        cuts: list[int], batch_rows: int, read_rows: int,
                                                        order: Any) -> None:
    """To 1e-12, and the same rows are kept for the test."""
    folder, table = tmp_path_factory.mktemp("rows"), rows(np.random.default_rng(count), count)
    bounds = sorted({0, count, *(cut for cut in cuts if cut < count)})
    parts = [table.slice(first, last - first) for first, last in zip(bounds, bounds[1:], strict=False)]
    order.shuffle(parts)
    for number, part in enumerate(parts):
        saved(part, folder / f"{number}{ENDINGS[number % 4]}", batch_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "PARTITION_ROWS", 100)
        patch.setattr(file_format, "BATCH_ROWS", read_rows)
        whole = total(PartitionMoments.of(partition, test_fraction=0.3)
                      for partition in data_sets.source(folder).partitions())

    X, y, X_test, y_test = split(table, 0.3)
    for summary, (features, target) in ((whole.training, (X, y)), (whole.test, (X_test, y_test))):
        if len(target) == 0:
            assert summary is None
            continue
        assert summary is not None
        expected, scale = Moments.from_arrays(features, target), np.abs(np.column_stack([features, target])).max()
        assert expected.n == summary.moments.n
        np.testing.assert_allclose(summary.moments.m, expected.m, rtol=1e-12, atol=1e-12 * scale)
        np.testing.assert_allclose(summary.moments.C, expected.C, rtol=1e-12, atol=1e-12 * scale ** 2 * expected.n)


def test_no_partitions_have_no_moments() -> None:
    """The sum is empty."""
    assert PartitionMoments(None, None) == total([])


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_key_keeps_its_rows_together(tmp_path: Path, random: np.random.Generator, ending: str) -> None:
    """All rows of a key are training rows or all are test rows, whatever their values and format."""
    table = rows(random, 1000)
    patients = pa.array([f"patient {number}" for number in random.integers(0, 40, 1000)])
    table = table.set_column(0, "id", patients)
    held_out = splitting.in_test(splitting.hash_keys(patients), 0.25)
    y = table["y"].to_numpy()[~held_out]

    training = train(saved(table, tmp_path / f"rows{ending}"), tmp_path / "model", replace(CONFIG, key="id"))

    assert len(y) == training.artefact.moments.n
    assert y.mean() == pytest.approx(training.artefact.moments.y_mean)


@pytest.mark.parametrize("alive", range(5))
@pytest.mark.parametrize("batch_size", [None, 64])
def test_a_killed_run_continues_where_it_was(tmp_path: Path, random: np.random.Generator, alive: int,
                                             batch_size: int | None) -> None:
    """It reads only what is missing, ends with the same bytes, and removes the checkpoint."""
    for number in range(5):
        saved(rows(random, 200), tmp_path / "rows" / f"{number}.csv")
    config = replace(CONFIG, batch_size=batch_size, iterations=3, lr=0.01, min_r2=-9.0)
    train(tmp_path / "rows", tmp_path / "undisturbed", config)

    with pytest.raises(Killed):
        train(tmp_path / "rows", tmp_path / "model", config, Dying(alive))
    engine = Dying(9)
    train(tmp_path / "rows", tmp_path / "model", config, engine)

    assert 5 - alive == engine.given
    assert (tmp_path / "undisturbed").read_bytes() == (tmp_path / "model").read_bytes()
    assert [] == list(tmp_path.glob("*.progress"))


def test_finished_passes_are_not_repeated(tmp_path: Path, random: np.random.Generator,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed during a pass continues with that pass."""
    saved(rows(random, 2000), tmp_path / "rows.csv")
    config = replace(CONFIG, batch_size=64, iterations=6, lr=0.01)
    undisturbed = train(tmp_path / "rows.csv", tmp_path / "undisturbed", config)
    read, passes = Partition.hashed_blocks, 0

    def dying(partition: Partition, hashed: bool, missing: Any) -> Iterator[tuple[Any, Any]]:
        nonlocal passes
        passes += 1
        if passes == 4:
            raise Killed
        return read(partition, hashed, missing)

    with monkeypatch.context() as patch:
        patch.setattr(Partition, "hashed_blocks", dying)
        with pytest.raises(Killed):
            train(tmp_path / "rows.csv", tmp_path / "model", config)
    checkpoint = (tmp_path / "model.progress").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Partition, "hashed_blocks", dying)
        again = train(tmp_path / "rows.csv", tmp_path / "model", config)

    assert 4 == checkpoint.count(b"\n")
    assert 4 + 3 == passes  # three more
    assert undisturbed.fit.losses.tolist() == again.fit.losses.tolist()
    assert (tmp_path / "undisturbed").read_bytes() == (tmp_path / "model").read_bytes()


def test_passes_over_other_rows_are_repeated(tmp_path: Path, random: np.random.Generator,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """Integers in another order have the same moments, bit by bit, but not the same mini-batches."""
    X = random.integers(-9, 10, (500, 3))
    table = pa.table({**dict(zip(("x1", "x2", "x3"), X.T, strict=True)), "y": X.sum(axis=1) + X[:, 0] ** 2})
    config, path = replace(CONFIG, batch_size=16, iterations=3, lr=0.001, min_r2=-9.0), tmp_path / "rows.csv"

    def kill(*arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(training_module, "save", kill)
        with pytest.raises(Killed):
            train(saved(table, path), tmp_path / "model", config)
    train(saved(table.sort_by("y"), path), tmp_path / "model", config)
    train(path, tmp_path / "undisturbed", config)

    assert (tmp_path / "undisturbed").read_bytes() == (tmp_path / "model").read_bytes()


def test_only_a_changed_file_is_read_again(tmp_path: Path, random: np.random.Generator) -> None:
    """The checkpoint of a run that was not good enough serves the next run."""
    for number in range(3):
        saved(rows(random, 200), tmp_path / "rows" / f"{number}.csv")
    with pytest.raises(QualityError):
        train(tmp_path / "rows", tmp_path / "model", replace(CONFIG, min_r2=1.0))
    saved(rows(random, 210), tmp_path / "rows" / "1.csv")
    train(tmp_path / "rows", tmp_path / "undisturbed")

    engine = Dying(9)
    train(tmp_path / "rows", tmp_path / "model", engine=engine)

    assert 1 == engine.given
    assert (tmp_path / "undisturbed").read_bytes() == (tmp_path / "model").read_bytes()


@pytest.mark.parametrize("change", [{"test_fraction": 0.3}, {"key": "id"}, {"where": "x1 > -9"}], ids=str)
def test_a_checkpoint_of_another_configuration_is_ignored_with_one_line(tmp_path: Path, random: np.random.Generator,
                                                                        caplog: pytest.LogCaptureFixture,
                                                                        change: dict[str, Any]) -> None:
    """For every setting that changes the moments; the line names the file."""
    saved(rows(random, 200), tmp_path / "rows.csv")
    with pytest.raises(QualityError):
        train(tmp_path / "rows.csv", tmp_path / "model", replace(CONFIG, min_r2=1.0))

    engine = Dying(9)
    with caplog.at_level("INFO"):
        train(tmp_path / "rows.csv", tmp_path / "model", replace(CONFIG, **change), engine)

    assert 1 == engine.given
    assert [f"{tmp_path / 'model.progress'} belongs to other data or another configuration: ignored"] == caplog.messages


@pytest.fixture
def checkpoint(tmp_path: Path, random: np.random.Generator) -> Path:
    """Train on three files, undisturbed and until killed after two; return the checkpoint of the killed run."""
    for number in range(3):
        saved(rows(random, 200), tmp_path / "rows" / f"{number}.csv")
    train(tmp_path / "rows", tmp_path / "undisturbed")
    with pytest.raises(Killed):
        train(tmp_path / "rows", tmp_path / "model", engine=Dying(2))
    return tmp_path / "model.progress"


@pytest.mark.parametrize("damage", [lambda content: content[:-20], lambda content: content + b"\0" * 4096,
                                    lambda content: content + b'{"a": 1', lambda content: b"[1]\n" + content,
                                    lambda content: content.replace(b'"training"', b'"trai\xffing"')])
def test_a_torn_checkpoint_loses_only_its_torn_line(tmp_path: Path, checkpoint: Path, damage: Any) -> None:
    """After an incomplete write, or a disk that lost power."""
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    with pytest.raises(Killed):
        train(tmp_path / "rows", tmp_path / "model", engine=Dying(0))
    train(tmp_path / "rows", tmp_path / "model")

    assert (tmp_path / "undisturbed").read_bytes() == (tmp_path / "model").read_bytes()


def altered(content: bytes, change: Callable[[dict[str, Any]], object], valid: bool) -> bytes:
    """Change the result in the first line of a checkpoint, with or without a valid digest."""
    first, *rest = content.splitlines(keepends=True)
    line = json.loads(first)
    change(line["result"])
    if valid:
        line["sha256"] = digest([line["key"], line["result"]])
    return b"".join([json.dumps(line).encode() + b"\n", *rest])


def narrower(result: dict[str, Any]) -> None:
    """Remove a feature from the training and the test moments."""
    for part in (result["training"], result["test"]):
        part.update(m=part["m"][1:], C=[row[1:] for row in part["C"][1:]], minimum=part["minimum"][1:],
                    maximum=part["maximum"][1:])


@pytest.mark.parametrize("damage", [
    lambda content: re.sub(rb'("m": \[-?0\.\d)(\d)', lambda at: at[1] + b"%d" % (9 - int(at[2])), content, count=1),
    lambda content: altered(content, lambda result: result.update(training=None, test=None), valid=False),
    lambda content: altered(content, lambda result: result["training"].update(minimum=["abc"]), valid=True),
    lambda content: altered(content, lambda result: result["training"].update(n=10 ** 400), valid=True),
    lambda content: altered(content, narrower, valid=True),
    lambda content: altered(content, lambda result: result["bins"].pop(), valid=True),
    lambda content: altered(content, lambda result: result.update(bins=None), valid=True),
    lambda content: altered(content, lambda result: result["bins"][0].__setitem__(1, "no text"), valid=True),
    lambda content: altered(content, lambda result: result["bins"][0].__setitem__(2, result["bins"][0][2][:8]),
                            valid=True),
    lambda content: content.replace(b'"n": ', b'"n": ' + b"[" * 100_000, 1),
    lambda content: content.replace(b'"n": ', b'"n": ' + b"1" * 5_000, 1),
    lambda content: b'{"key": [], "result": 1, "sha256": 2}\n{}\n7\n' + content[content.find(b"\n") + 1:],
], ids=["a digit", "dropped rows", "a limit in words", "a huge number", "fewer features", "fewer histograms",
        "no histograms", "histograms in words", "a short histogram", "deep", "long", "others"])
def test_a_damaged_line_of_a_checkpoint_is_ignored(tmp_path: Path, checkpoint: Path, damage: Any) -> None:
    """Its partition is read again, and the bytes are those of an undisturbed run."""
    before = checkpoint.read_bytes()
    checkpoint.write_bytes(damage(before))
    assert before != checkpoint.read_bytes()
    engine = Dying(9)
    train(tmp_path / "rows", tmp_path / "model", engine=engine)

    assert 2 == engine.given
    assert (tmp_path / "undisturbed").read_bytes() == (tmp_path / "model").read_bytes()


def test_lines_of_a_checkpoint_are_plain_json(tmp_path: Path, random: np.random.Generator) -> None:
    """Each has the moments and the histograms of a partition under a digest."""
    saved(rows(random, 200), tmp_path / "rows.csv")
    with pytest.raises(QualityError):
        train(tmp_path / "rows.csv", tmp_path / "model", replace(CONFIG, min_r2=1.0))

    line = json.loads((tmp_path / "model.progress").read_text())

    assert {"key", "result", "sha256"} == set(line) and 64 == len(line["key"])
    moments = line["result"]
    assert {"training", "test", "bins", "content", "missing"} == set(moments)
    assert {"n", "m", "C", "minimum", "maximum"} == set(moments["training"])


def test_mini_batches_of_a_stream_approach_the_best_line(tmp_path: Path, random: np.random.Generator) -> None:
    """As mini-batches of rows in memory do."""
    table = rows(random, 20_000)
    X, y, _, _ = split(table, 0.25)
    for number in range(4):
        saved(table.slice(number * 5000, 5000), tmp_path / "rows" / f"{number}.parquet", 2500)
    config = replace(CONFIG, batch_size=64, iterations=5, lr=0.01)
    in_memory = SimpleLinearRegression(5, 0.01, 64, random_state=0).fit(X, y)

    training = train(tmp_path / "rows", tmp_path / "model", config)

    assert 6 == len(training.fit.losses)
    assert in_memory.losses[0] == pytest.approx(training.fit.losses[0], rel=1e-9)
    assert in_memory.losses[-1] == pytest.approx(training.fit.losses[-1], rel=0.02)
    assert training.certificate.gap < 0.02


def test_the_safe_rate_of_large_batches_is_safe_for_small_files(tmp_path: Path, random: np.random.Generator) -> None:
    """Batches end with their file: with as many columns as rows, the step of a whole batch made descent diverge."""
    features = tuple(f"x{number}" for number in range(30))
    slopes = random.normal(size=30)
    for number in range(20):
        X = random.normal(size=(30, 30))
        table = pa.table({**dict(zip(features, X.T, strict=True)), "y": X @ slopes})
        saved(table, tmp_path / "rows" / f"{number}.parquet")
    config = replace(CONFIG, features=features, batch_size=1000, iterations=40, lr="auto")

    losses = train(tmp_path / "rows", tmp_path / "model", config).fit.losses

    assert losses[-1] < 0.01 * losses[0]
    assert (np.diff(losses) < 0).all()


@pytest.mark.parametrize("batch_size", [None, 64])
def test_standardized_descent_converges_on_raw_units(tmp_path: Path, random: np.random.Generator,
                                                     batch_size: int | None) -> None:
    """The columns differ in size by 1e7, and the weights are in their units."""
    table, sizes = rows(random, 5000), np.array([1e4, 1e-3, 1.0])
    for name, size in zip(("x1", "x2", "x3"), sizes, strict=True):
        table = table.set_column(table.column_names.index(name), name, pa.array(table[name].to_numpy() * size + size))
    X, y, _, _ = split(table, 0.25)
    best = LinearRegression().fit(X / sizes, y).coef_
    config = replace(CONFIG, batch_size=batch_size, iterations=20 if batch_size else 2000, lr=0.01, standardize=True)

    training = train(saved(table, tmp_path / "rows.parquet"), tmp_path / "model", config)

    assert training.artefact.W * sizes == pytest.approx(best, rel=0.1 if batch_size else 1e-9)


def test_every_row_is_reported_in_each_pass(tmp_path: Path, random: np.random.Generator) -> None:
    """Once for the moments, and once for each pass of mini-batches."""
    saved(rows(random, 400), tmp_path / "rows.parquet")
    reported: list[int] = []
    partitions = data_sets.source(tmp_path / "rows.parquet").partitions()

    train_stream(partitions, replace(CONFIG, batch_size=32, iterations=2, lr=0.01), tmp_path / "model", NOW,
                 LocalEngine(), reported.append)

    assert 3 * 400 == sum(reported)


def test_the_first_rows_of_each_set_may_be_in_different_files(tmp_path: Path) -> None:
    """With one file for each key, no file has both training and test rows; the report needs some of each."""
    for number in range(20):
        X = number + np.arange(3.0)
        table = pa.table({"id": pa.array([number] * 3), "x1": X, "y": 2.0 * X + 1.0})
        saved(table, tmp_path / "rows" / f"{number:02}.csv")
    config = replace(CONFIG, features=("x1",), key="id", standardize=True, lr="auto", iterations="auto")
    held_out = splitting.in_test(splitting.hash_keys(pa.array(range(20))), 0.25)

    training = train(tmp_path / "rows", tmp_path / "model", config)

    first, test = training.shown
    assert [float(np.flatnonzero(~held_out)[0] + each) for each in range(3)] == first.X[:, 0].tolist()
    assert [float(np.flatnonzero(held_out)[0] + each) for each in range(3)] == test.X[:, 0].tolist()
    assert 2 == len(report.write(training, tmp_path / "reports"))


def test_data_that_have_lost_their_rows_have_no_report(tmp_path: Path, random: np.random.Generator) -> None:
    """They are read once more after the training."""
    training = train(saved(rows(random, 50), tmp_path / "rows.csv"), tmp_path / "model")
    (tmp_path / "rows.csv").write_text("id,x1,x2,x3,y\n")

    with pytest.raises(DataError, match="the data have changed since"):
        training.read_rows()


def test_two_files_with_the_same_rows_are_rejected(tmp_path: Path, random: np.random.Generator) -> None:
    """A copy of a file, here in another format."""
    table = rows(random, 50)
    one, two = (saved(table, tmp_path / "rows" / name) for name in ("a.csv", "b.parquet"))

    with pytest.raises(DataError) as caught:
        train(tmp_path / "rows", tmp_path / "model")

    assert (f"{one} and {two} contain the same rows in all columns that are used: remove one of them, or use both by "
            "--allow-duplicates" == str(caught.value))


@pytest.mark.parametrize(("content", "message"), [
    ("x1,y\n", "rows.csv has no rows: add rows"),
    ("x1,y\n1,2\n", "there are no|there is only 1 "),
    ("x1,y\n" + "".join(f"{row},3\n" for row in range(40)), "the target is the same in all"),
    ("x1,y\n" + "".join(f"{row},1e200\n{row},-1e200\n" for row in range(40)), "too large: their squares leave"),
], ids=["no rows", "one row", "a constant target", "too large"])
def test_rows_that_do_not_determine_a_model_are_rejected(tmp_path: Path, content: str, message: str) -> None:
    """Nothing is saved."""
    (tmp_path / "rows.csv").write_text(content)

    with pytest.raises(DataError, match=message):
        train(tmp_path / "rows.csv", tmp_path / "model", replace(CONFIG, features=("x1",)))

    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(("names", "where", "message"), [
    (("a.csv",), "x1 > 5", "a.csv: no row is left by the filter"),
    (("a.csv", "b.csv"), None, "a.csv and 1 other file have no rows: add rows, or name other files"),
    (("a.csv", "b.csv", "c.csv"), "x1 > 5", "a.csv and 2 other files: no row is left by the filter")])
def test_why_there_are_no_rows_is_named(tmp_path: Path, names: tuple[str, ...], where: str | None,
                                        message: str) -> None:
    """Empty files are not those of which the filter takes nothing."""
    for name in names:
        (tmp_path / name).write_text("x1,y\n" + "1,2\n" * (where is not None))

    with pytest.raises(DataError, match=f"{tmp_path}/{message}$"):
        train(tmp_path, tmp_path / "model", replace(CONFIG, features=("x1",), where=where))


@pytest.mark.parametrize(("change", "error"), [
    ({"lr": 5.0}, RateError), ({"batch_size": BLOCK_ROWS + 1}, SettingError),
    ({"batch_size": 1, "lr": 0.4, "iterations": 300}, DivergenceError),
], ids=str)
def test_a_configuration_that_cannot_work_is_rejected(tmp_path: Path, random: np.random.Generator,
                                                      change: dict[str, Any], error: type[Exception]) -> None:
    """Nothing is saved."""
    path = saved(rows(random, 100), tmp_path / "rows.csv")

    with pytest.raises(error):
        train(path, tmp_path / "model", replace(CONFIG, **change))

    assert not (tmp_path / "model").exists()
