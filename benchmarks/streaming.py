"""Streaming compared with reading the same files with PyArrow, and with scikit-learn on the same stream."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
from numpy.typing import NDArray
from sklearn.linear_model import SGDRegressor

from benchmarks.make_rows import FEATURES, INTERCEPT, SLOPES, chunks, write
from benchmarks.ratio import Ratio, timed_in_turn
from linear_regressor.artefact.artefact import Artefact
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.model.mini_batches import descend_stream
from linear_regressor.model.moments import Moments
from linear_regressor.predictions import predicted_rows
from linear_regressor.predictions.row_predictor import RowPredictor, Wanted
from linear_regressor.training.partition_moments import PartitionMoments, split_blocks, total

Array = NDArray[np.float64]

COLUMNS = (*FEATURES, "y")
BATCH_ROWS = 65_536
TEST_FRACTION = 0.2


def ratios(rows: int = 1_000_000, rounds: int = 5) -> Iterator[Ratio]:
    """Yield the ratios that streaming has a budget for, each as soon as it is measured."""
    with tempfile.TemporaryDirectory() as made:
        parquet, csv = Path(made, "rows.parquet"), Path(made, "rows.csv")
        for path in (parquet, csv):
            write(path, chunks(rows))
        yield Ratio.of(f"train --data / scan into arrays, Parquet, {rows:,} x 10", timed_in_turn(
            partial(train, parquet), partial(scan, parquet), rounds), "s", ceiling=1.5)
        yield Ratio.of(f"train --data / scan into arrays, CSV, {rows:,} x 10", timed_in_turn(
            partial(train, csv), partial(scan, csv), rounds), "s", ceiling=1.5)
        yield Ratio.of(f"predict --data / read and write alone, {rows:,} x 10", timed_in_turn(
            partial(predict_file, parquet), partial(read_and_write, parquet), rounds), "s", ceiling=1.25)
        yield Ratio.of(f"streamed pass of batches of 256 / SGDRegressor.partial_fit, {rows:,} x 10", timed_in_turn(
            partial(streamed_pass, parquet), partial(partial_fit, parquet), max(rounds // 2, 1)), "s", ceiling=1)


def train(path: Path) -> PartitionMoments:
    """Read a file as ``train --data`` does, with a fifth of the rows for the test."""
    partitions = Source.of(str(path), Columns(FEATURES, "y")).partitions()
    return total(PartitionMoments.of(partition, test_fraction=TEST_FRACTION, with_bins=True)
                 for partition in partitions)


def scan(path: Path) -> int:
    """Read a file into arrays of shape (rows, p + 1) with only PyArrow and NumPy."""
    block, rows = np.empty((BATCH_ROWS, len(COLUMNS)), order="F"), 0
    for batch in _batches(path):
        for start in range(0, batch.num_rows, BATCH_ROWS):
            part = batch.slice(start, BATCH_ROWS)
            for place, name in enumerate(COLUMNS):
                block[:part.num_rows, place] = part.column(name).to_numpy()
            rows += part.num_rows
    return rows


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Read a file batch by batch, as fast as PyArrow can."""
    if path.suffix == ".parquet":
        yield from pa.parquet.ParquetFile(path, pre_buffer=True).iter_batches(BATCH_ROWS, columns=list(COLUMNS))
        return
    convert = pa.csv.ConvertOptions(include_columns=list(COLUMNS), column_types=dict.fromkeys(COLUMNS, pa.float64()))
    yield from pa.csv.open_csv(path, convert_options=convert)


def predict_file(path: Path) -> int:
    """Predict a file as ``predict --data --only-prediction`` does."""
    partitions = Source.of(str(path), Columns(FEATURES, None)).partitions()
    predictor = RowPredictor(_model(), Wanted(only=True))
    schema = predicted_rows.schema_of(partitions, predictor)
    return predicted_rows.write(partitions, predictor, path.with_name("predictions.parquet"), schema, int).rows


def _model() -> Artefact:
    """Return the line that the rows were drawn around."""
    random = np.random.default_rng(0)
    X = random.normal(size=(50, len(FEATURES)))
    moments = Moments.from_arrays(X, X @ SLOPES + INTERCEPT)
    return Artefact(FEATURES, "y", SLOPES, INTERCEPT, moments, None, None, {"levels": [], "t": [], "f": []}, {})


def read_and_write(path: Path) -> None:
    """Read the features and write one column of as many rows, with only PyArrow."""
    fragment = pa.dataset.dataset(path)
    schema = pa.schema([("prediction", pa.float64())])
    with pa.parquet.ParquetWriter(path.with_name("copy.parquet"), schema) as writer:
        pending: list[pa.RecordBatch] = []
        for batch in fragment.to_batches(columns=list(FEATURES), batch_size=BATCH_ROWS):
            pending.append(pa.record_batch([batch.column(0)], names=["prediction"]))
            if len(pending) == 16:
                writer.write_table(pa.Table.from_batches(pending))
                pending = []
        if pending:
            writer.write_table(pa.Table.from_batches(pending))


def streamed_pass(path: Path) -> Array:
    """Make one pass of mini-batch descent over a file."""
    partitions = Source.of(str(path), Columns(FEATURES, "y")).partitions()

    def read(random: np.random.Generator) -> Iterator[tuple[Array, Array]]:
        for place in random.permutation(len(partitions)):
            for rows, _ in split_blocks(partitions[place], 0.0):
                yield rows[:, :-1], rows[:, -1]

    return next(descend_stream(read, np.zeros(len(COLUMNS)), 0.01, 256, 0))


def partial_fit(path: Path) -> SGDRegressor:
    """Make one pass of scikit-learn's stochastic descent over the same blocks."""
    model = SGDRegressor(random_state=0)
    for partition in Source.of(str(path), Columns(FEATURES, "y")).partitions():
        for block in partition.blocks():
            model.partial_fit(np.ascontiguousarray(block[:, :-1]), block[:, -1])
    return model
