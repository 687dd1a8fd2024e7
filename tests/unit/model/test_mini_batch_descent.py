"""Stochastic gradient descent over shuffled mini-batches."""

from __future__ import annotations

import itertools
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor import SimpleLinearRegression
from linear_regressor.errors import DivergenceError
from linear_regressor.model import descent, mini_batches
from linear_regressor.model.mini_batches import descend_mini_batches
from tests.oracles import challenge_loop, rows_of_condition

# Many of these tests take a few steps only.
pytestmark = pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")

Array = NDArray[np.float64]

seeds = st.integers(0, 2 ** 32 - 1)


def plain_passes(X: Array, y: Array, start: Array, rate: float, batch_size: int, seed: int, passes: int,
                 weight: Array | None = None, rate_rows: int = 1) -> Array:
    """Take the same steps in plain code: one permutation per pass, batch after batch, the smaller one last."""
    random, theta = np.random.default_rng(seed), start.copy()
    Z = np.column_stack([X, np.ones(len(X))])
    share = np.ones(len(X)) if weight is None else weight / weight.mean()
    for _ in range(passes):
        order = random.permutation(len(X))
        for first in range(0, len(X), batch_size):
            batch = order[first:first + batch_size]
            residual = share[batch] * (y[batch] - Z[batch] @ theta)
            shorter = min(len(batch) / rate_rows, 1.0)
            theta = theta - shorter * rate * (-2.0 / len(batch) * Z[batch].T @ residual)
    return theta


@given(seeds, st.integers(1, 5), st.integers(1, 40), st.integers(1, 50), st.booleans(), st.integers(1, 60))
def test_passes_take_the_steps_of_the_formula_batch_by_batch(seed: int, p: int, n: int, batch_size: int,
                                                             weighted: bool, rate_rows: int) -> None:
    """They equal the plain code, including the smaller last batch, with and without weights."""
    random = np.random.default_rng(seed)
    X, y, start = random.normal(size=(n, p)), random.normal(size=n), random.normal(size=p + 1)
    weight = random.uniform(0.1, 2.0, size=n) if weighted else None
    shuffling = np.random.default_rng(seed)
    fast = list(islice(descend_mini_batches(X, y, start, 0.01, batch_size, shuffling, weight, rate_rows), 3))
    slow = plain_passes(X, y, start, 0.01, batch_size, seed, 3, weight, rate_rows)
    assert fast[-1] == pytest.approx(slow, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("standardize", [False, True])
def test_the_safe_rate_is_safe_for_a_smaller_last_batch(random: np.random.Generator, standardize: bool) -> None:
    """One row in the last batch of 50 columns had taken the step of 256 rows, which multiplied the error."""
    X = random.normal(size=(257, 50))
    y = X @ random.normal(size=50)
    model = SimpleLinearRegression(30, "auto", batch_size=256, random_state=0, standardize=standardize).fit(X, y)
    assert model.losses[-1] < 0.01 * model.losses[0]
    assert (np.diff(model.losses) < 0).all()


def test_a_given_rate_holds_for_a_smaller_last_batch(random: np.random.Generator, seed: int) -> None:
    """Only the rate of "auto" is for a number of rows."""
    X, y = random.normal(size=(10, 2)), random.normal(size=10)
    model = SimpleLinearRegression(1, 0.01, batch_size=8, random_state=seed).fit(X, y)
    draws = np.random.RandomState(seed)
    draws.standard_normal(3)
    order = int(draws.randint(np.iinfo(np.int32).max))
    assert np.append(model.W, model.b) == pytest.approx(plain_passes(X, y, model.start_, 0.01, 8, order, 1), rel=1e-9)


def test_rows_of_several_chunks_are_visited_once_per_pass(random: np.random.Generator, seed: int,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """Copying the shuffled rows in chunks changes only the rounding."""
    X, y, start = random.normal(size=(1003, 2)), random.normal(size=1003), np.zeros(3)
    monkeypatch.setattr(mini_batches, "CHUNK_VALUES", 400)
    chunked = next(descend_mini_batches(X, y, start, 0.01, 10, np.random.default_rng(seed)))
    assert chunked == pytest.approx(plain_passes(X, y, start, 0.01, 10, seed, 1), rel=1e-9, abs=1e-12)


@given(seeds, st.integers(1, 4), st.integers(1, 30), st.sampled_from([0, 1, 1000, 10 ** 12, 10 ** 30]))
def test_with_a_batch_of_all_rows_each_pass_is_one_full_batch_step(seed: int, p: int, n: int, more: int) -> None:
    """With ``batch_size`` n or larger, weights and losses equal those of the challenge's loop."""
    X, y = rows_of_condition(np.random.default_rng(seed), n + p, p, 10.0)
    model = SimpleLinearRegression(iterations=20, lr="auto", batch_size=len(X) + more, random_state=seed).fit(X, y)
    W, b, losses = challenge_loop(X, y, model.start_, model.lr_, 19)
    assert np.append(model.W, model.b) == pytest.approx(np.append(W, b), rel=1e-9, abs=1e-9)
    assert model.losses == pytest.approx(losses, rel=1e-9, abs=1e-9 * y.var())


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.bool_, np.float16, np.float32])
@pytest.mark.parametrize("standardize", [False, True])
def test_the_safe_rate_does_not_depend_on_the_type_of_the_columns(random: np.random.Generator, kind: type,
                                                                  standardize: bool) -> None:
    """Squares of small integers had left their 8 bits: the rate was 100 times too high, and descent diverged."""
    X: Array = random.integers(0, 2 if kind is np.bool_ else 120, size=(200, 3)).astype(kind)
    y = random.normal(size=200)
    fits = [SimpleLinearRegression(2, "auto", batch_size=1, random_state=0, standardize=standardize).fit(rows, y)
            for rows in (X, X.astype(np.float64))]
    assert fits[0].lr_ == fits[1].lr_ and np.array_equal(fits[0].losses_, fits[1].losses_)


def test_losses_are_those_of_the_start_and_of_each_pass(random: np.random.Generator) -> None:
    """``iterations`` passes give ``iterations + 1`` losses, each the mean squared error over all rows."""
    X, y = random.normal(size=(30, 2)), random.normal(size=30)
    model = SimpleLinearRegression(iterations=7, lr=0.01, batch_size=8, random_state=0).fit(X, y)
    assert model.losses.shape == (8,)
    assert model.losses[0] == pytest.approx(np.mean((y - X @ model.start_[:-1] - model.start_[-1]) ** 2))
    assert model.losses[-1] == pytest.approx(np.mean((y - model.predict(X)) ** 2))


def test_the_same_random_state_takes_the_same_steps(random: np.random.Generator) -> None:
    """``random_state`` makes them reproducible bit for bit; other states take other steps."""
    X, y = random.normal(size=(50, 2)), random.normal(size=50)

    def losses(state: int | None) -> list[float]:
        model = SimpleLinearRegression(iterations=5, lr=0.01, batch_size=4, random_state=state).fit(X, y)
        history: list[float] = model.losses.tolist()
        return history

    assert losses(3) == losses(3)
    assert losses(3) != losses(4)
    assert losses(None) != losses(None)


def test_the_steps_are_stochastic(random: np.random.Generator) -> None:
    """Different orders of the rows end in different weights, and some passes increase the loss."""
    X, y, start = random.normal(size=(100, 1)), random.normal(size=100), np.zeros(2)
    ends = [next(descend_mini_batches(X, y, start, 0.05, 1, np.random.default_rng(order))).tolist()
            for order in range(5)]
    assert len({tuple(end) for end in ends}) == 5
    model = SimpleLinearRegression(iterations=200, lr=0.05, batch_size=1, random_state=0).fit(X, y)
    assert (np.diff(model.losses) > 0).any()


def test_stochastic_descent_ends_near_the_optimum(random: np.random.Generator) -> None:
    """At a low rate, the loss is at most 1 % above the lowest."""
    X = random.normal(size=(400, 3))
    y = X @ [1.0, -2.0, 3.0] + 4.0 + random.normal(size=400)
    model = SimpleLinearRegression(iterations=300, lr=0.002, batch_size=16, random_state=0).fit(X, y)
    assert model.losses[-1] <= 1.01 * model.moments_.loss(*model.moments_.solve())


def test_stochastic_descent_converges_on_noiseless_rows(random: np.random.Generator) -> None:
    """All batches have the same optimum."""
    X = random.normal(size=(200, 2))
    model = SimpleLinearRegression(iterations=200, lr=0.05, batch_size=10, random_state=0).fit(X, X @ [2.0, -1.0] + 5.0)
    assert np.append(model.W, model.b) == pytest.approx([2.0, -1.0, 5.0], rel=1e-9)


@pytest.mark.parametrize("iterations", [1, 3, 200])
def test_divergence_is_a_clear_error(random: np.random.Generator, iterations: int) -> None:
    """A rate valid for full batches but not for single rows raises DivergenceError, without a NumPy warning."""
    X = random.normal(size=(2000, 1))
    model = SimpleLinearRegression(iterations=iterations, lr=0.9, batch_size=1, random_state=0)
    with pytest.raises(DivergenceError, match="learning rate of 0.9; use a lower rate"):
        model.fit(X, X[:, 0])
    assert not hasattr(model, "coef_")


def test_fit_does_not_modify_the_rows(random: np.random.Generator) -> None:
    """Copies are shuffled."""
    X, y = random.normal(size=(50, 2)), random.normal(size=50)
    before = X.copy(), y.copy()
    SimpleLinearRegression(iterations=3, lr=0.01, batch_size=4, random_state=0).fit(X, y)
    assert np.array_equal(X, before[0]) and np.array_equal(y, before[1])


def test_progress_is_logged(random: np.random.Generator, caplog: pytest.LogCaptureFixture,
                            monkeypatch: pytest.MonkeyPatch) -> None:
    """About once a second, a line states the pass and the loss."""
    seconds = itertools.count()
    monkeypatch.setattr(descent, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    X, y = random.normal(size=(20, 1)), random.normal(size=20)
    with caplog.at_level("INFO", logger="linear_regressor"):
        SimpleLinearRegression(iterations=3, lr=0.01, batch_size=4, random_state=0).fit(X, y)
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "pass 1 of 3", "pass 2 of 3", "pass 3 of 3"]
