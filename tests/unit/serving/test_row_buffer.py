"""The buffer of rows that wait to be added up."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from linear_regressor.monitoring.traffic import MOST_ROWS, recorded
from linear_regressor.serving.predictor.row_buffer import RowBuffer


def test_rows_are_copied(random: np.random.Generator) -> None:
    """All of a small request, some of a large one; what a caller does with its array later changes nothing."""
    few, many = random.normal(size=(5, 2)), np.asfortranarray(random.normal(size=(1000, 2)))
    expected = np.concatenate([few, recorded(many)])
    buffer = RowBuffer(2, 4 * MOST_ROWS)
    for rows in (few, many):
        buffer.add(rows)
        rows[:] = np.nan
    rows, answered = buffer.take()
    np.testing.assert_array_equal(expected, rows)
    assert (1005, 0) == (answered, buffer.filled)
    assert (0, 0) == (len(buffer.take()[0]), buffer.take()[1])


def test_a_full_buffer_grows() -> None:
    """No row is lost while nobody takes them."""
    buffer = RowBuffer(1, 10)
    for number in range(100):
        buffer.add(np.full((3, 1), float(number)))
    rows, answered = buffer.take()
    np.testing.assert_array_equal(np.repeat(np.arange(100.0), 3), rows[:, 0])
    assert 300 == answered


def test_rows_without_columns_are_counted() -> None:
    """Models with too many features have no sums."""
    buffer = RowBuffer(0, 10)
    buffer.add(np.ones((300, 101)))
    rows, answered = buffer.take()
    assert ((MOST_ROWS, 0), 300) == (rows.shape, answered)


def test_threads_lose_no_row() -> None:
    """While another one takes them."""
    buffer, done = RowBuffer(1, 500), threading.Event()
    taken: list[NDArray[np.float64]] = []

    def add(value: float) -> None:
        for _ in range(3000):
            buffer.add(np.array([[value]]))

    def take() -> None:
        while not done.is_set() or buffer.filled:
            taken.append(buffer.take()[0].copy())

    taker = threading.Thread(target=take)
    adders = [threading.Thread(target=add, args=(float(number),)) for number in range(4)]
    for thread in (taker, *adders):
        thread.start()
    for thread in adders:
        thread.join()
    done.set()
    taker.join()
    values, counts = np.unique(np.concatenate(taken), return_counts=True)
    assert (list(range(4)), [3000] * 4) == (values.tolist(), counts.tolist())
