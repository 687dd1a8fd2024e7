"""The buffer of rows that wait to be added up."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from linear_regressor.monitoring.traffic import MOST_ROWS, places
from linear_regressor.serving.predictor.row_buffer import RowBuffer


@pytest.mark.parametrize("width", [1, 2])
def test_rows_are_copied(width: int, random: np.random.Generator) -> None:
    """All of a small request, some of a large one; what a caller does with its array later changes nothing."""
    few, many = random.normal(size=(5, width)), np.asfortranarray(random.normal(size=(1000, width)))
    one = random.normal(size=(1, width))
    expected = np.concatenate([few, one, many[places(1000)]])
    buffer = RowBuffer(width, 4 * MOST_ROWS, keeps_requests=True)
    predictions = expected[:, 0].copy()
    for rows, name in ((few, "few"), (one, "one"), (many, "many")):
        values = rows[:, 0].copy()
        buffer.add(rows, values, name)
        rows[:] = values[:] = np.nan
    rows, answered, requests = buffer.take()
    np.testing.assert_array_equal(expected, rows)
    assert (1006, 0) == (answered, buffer.filled)
    assert requests is not None and (requests.sizes, requests.ids) == ([5, 1, 1000], ["few", "one", "many"])
    np.testing.assert_array_equal(predictions, requests.predictions)
    assert (0, 0) == (len(buffer.take().rows), buffer.take().answered)
    np.testing.assert_array_equal(predictions, requests.predictions)  # unlike rows, these are not overwritten


@pytest.mark.parametrize("rows", [1, MOST_ROWS, MOST_ROWS + 1, 1000, 100_000])
def test_large_requests_are_recorded_at_even_distances(rows: int) -> None:
    """At most 128 rows, all different, the first one included."""
    buffer = RowBuffer(1, MOST_ROWS)
    buffer.add(np.arange(float(rows))[:, None], np.zeros(rows), "")
    kept = buffer.take().rows[:, 0]
    assert len(kept) == min(rows, MOST_ROWS)
    assert kept[0] == 0
    steps = np.diff(kept)
    assert len(kept) == 1 or (steps.min() >= 1 and steps.max() - steps.min() <= 1)


def test_a_full_buffer_grows() -> None:
    """No row is lost while nobody takes them."""
    buffer = RowBuffer(1, 10, keeps_requests=True)
    for _ in range(3):  # in the grown array, and in the spare one
        for number in range(100):
            buffer.add(np.full((3, 1), float(number)), np.full(3, -float(number)), str(number))
        rows, answered, requests = buffer.take()
        np.testing.assert_array_equal(np.repeat(np.arange(100.0), 3), rows[:, 0])
        assert 300 == answered and requests is not None
        np.testing.assert_array_equal(-rows[:, 0], requests.predictions)
        assert [str(number) for number in range(100)] == requests.ids


def test_rows_without_columns_are_counted() -> None:
    """Models with too many features have no sums."""
    buffer = RowBuffer(0, 10)
    buffer.add(np.ones((300, 101)), np.ones(300), "")
    rows, answered, requests = buffer.take()
    assert ((MOST_ROWS, 0), 300, None) == (rows.shape, answered, requests)


def test_threads_lose_no_row() -> None:
    """While another one takes them."""
    buffer, done = RowBuffer(1, 500), threading.Event()
    taken: list[NDArray[np.float64]] = []

    def add(value: float) -> None:
        for _ in range(3000):
            buffer.add(np.array([[value]]), np.array([value]), "")

    def take() -> None:
        while not done.is_set() or buffer.filled:
            taken.append(buffer.take().rows.copy())

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
