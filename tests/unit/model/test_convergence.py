"""Start weights that the rows cannot move, and warnings of what a fit has not reached."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.model.descent import excess_terms
from linear_regressor.model.evaluate import Certificate, excess, rounding
from linear_regressor.model.hessian_spectrum import HessianSpectrum
from tests.command_line import run
from tests.oracles import least_squares, precise_loop, rows_of_condition

Array = NDArray[np.float64]

seeds = st.integers(0, 2 ** 32 - 1)


def warned(*rows: Any, **settings: Any) -> tuple[SimpleLinearRegression, list[str]]:
    """Fit, and return the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = SimpleLinearRegression(**{"random_state": 0, **settings}).fit(*rows)
    assert all(warning.category is ConvergenceWarning and warning.filename == __file__ for warning in caught)
    return model, [str(warning.message) for warning in caught]


def draw_of(seed: int, p: int) -> Array:
    """The start weights that a seed draws."""
    return np.random.RandomState(seed).standard_normal(p + 1)


@pytest.mark.parametrize("standardize", [False, True])
def test_the_prediction_from_a_wide_matrix_does_not_depend_on_the_seed(random: np.random.Generator,
                                                                       standardize: bool) -> None:
    """51 rows of 80 columns: the start had stayed in 30 directions. The line is the least-norm one."""
    X = random.normal(size=(151, 80))
    y = X[:, :3].sum(axis=1) + random.normal(size=151)
    scores = []
    for seed in range(4):
        model, words = warned(X[:51], y[:51], random_state=seed, standardize=standardize)
        assert "rank 50 and determine only 50 of 80 slopes" in words[0]
        scores.append(r2_score(y[51:], model.predict(X[51:])))
    rows = (X[:51] - X[:51].mean(axis=0)) / X[:51].std(axis=0) if standardize else X[:51]
    best = least_squares(rows, y[:51])
    least = (X[51:] - X[:51].mean(axis=0)) / X[:51].std(axis=0) if standardize else X[51:]
    if standardize:  # of the slopes alone
        best = np.append(np.linalg.lstsq(rows, y[:51] - y[:51].mean(), rcond=None)[0], y[:51].mean())
    assert scores == pytest.approx([r2_score(y[51:], least @ best[:-1] + best[-1])] * 4, abs=1e-3)


RAMP = np.arange(9.0)
UNDETERMINED: dict[str, tuple[Array, int, str]] = {
    "a constant column": (np.column_stack([RAMP, np.full(9, 0.1)]), 1, "x1"),
    "two constant columns": (np.column_stack([np.full(9, 7e5), RAMP, np.zeros(9)]), 1, "x0, x2"),
    "a column twice": (np.column_stack([RAMP, RAMP ** 2, RAMP]), 2, "x0, x2"),
    "in other units": (np.column_stack([1e-6 * RAMP, RAMP ** 2, 1e6 * RAMP + 3.0]), 2, "x0, x2"),
    "a sum": (np.column_stack([RAMP, RAMP ** 2, RAMP + RAMP ** 2, np.cos(RAMP)]), 3, "x0, x1, x2"),
    "categories": (np.eye(3)[np.arange(9) % 3], 2, "x0, x1, x2"),
    "one row": (np.array([[3.0, -4.0]]), 0, "x0, x1"),
    "nearly a column twice": (np.column_stack([RAMP, RAMP + 1e-7 * np.cos(RAMP)]), 1, "x0, x1"),
}


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("kind", UNDETERMINED)
def test_columns_that_the_rows_do_not_determine_are_named_and_start_at_0(kind: str, standardize: bool) -> None:
    """The start has no part in any change of the weights that changes no prediction."""
    X, rank, names = UNDETERMINED[kind]
    model, words = warned(X, np.cos(2.0 * np.arange(len(X))), lr="auto", standardize=standardize)
    assert f"rank {rank} and determine only {rank} of {X.shape[1]} slopes" in words[0]
    assert words[0].endswith(f": {names}")
    assert model.moments_.rank == rank
    for change in model.moments_.undetermined_slopes.T:
        theta = np.append(change, -change @ X.mean(axis=0))
        assert np.abs(X @ theta[:-1] + theta[-1]).max() <= 1e-6 * np.abs(X * theta[:-1]).max()
        if not standardize:
            assert abs(model.start_ @ theta) <= 1e-9 * np.linalg.norm(theta) * np.linalg.norm(model.start_)


@given(seeds, st.integers(1, 6), st.floats(0.0, 11.0), st.floats(-3.0, 3.0))
@pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")  # any rate
def test_the_start_of_rows_of_full_rank_is_the_draw_bit_for_bit(seed: int, p: int, digits: float, unit: float) -> None:
    """However ill-conditioned they are."""
    X, y = rows_of_condition(np.random.default_rng(seed), 30, p, 10.0 ** digits)
    X *= 10.0 ** unit
    values = HessianSpectrum.of(Moments.from_arrays(X, y)).values
    assume(values[0] > 2.0 * (p + 1) * np.finfo(np.float64).eps * values[-1])
    model = SimpleLinearRegression(3, "auto", random_state=seed).fit(X, y)
    assert np.array_equal(model.start_, draw_of(seed, p))


@given(seeds, st.integers(1, 4), st.integers(1, 4), st.booleans())
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # on purpose: any rate and any rows
def test_the_weights_of_dependent_columns_equal_the_loops(seed: int, p: int, extra: int, standardize: bool) -> None:
    """From the start that the estimator gives, and for any seed the same line in the limit."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, 20, p, 10.0)
    X = X @ np.column_stack([np.eye(p), random.normal(size=(p, extra))])
    model = SimpleLinearRegression(200, "auto", random_state=seed, standardize=standardize).fit(X, y)
    rows = (X - X.mean(axis=0)) / X.std(axis=0) if standardize else X
    theta, losses = precise_loop(rows, y, model.start_, model.lr_, 201)
    assert model.predict(X) == pytest.approx(rows @ theta[:-1] + theta[-1], rel=1e-9, abs=1e-9 * np.abs(y).max())
    assert model.losses == pytest.approx(losses, rel=1e-9, abs=1e-9 * y.var())
    slopes = model.W * (X.std(axis=0) if standardize else 1.0)
    assert slopes == pytest.approx(theta[:-1], rel=1e-9, abs=1e-9 * np.abs(theta).max())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # on purpose: any rate and any rows
@pytest.mark.parametrize("standardize", [False, True])
def test_partial_fit_projects_the_draw_again(random: np.random.Generator, standardize: bool) -> None:
    """Later rows raise the rank: the result is that of one fit to all rows."""
    X, y = random.normal(size=(20, 5)), random.normal(size=20)
    parts = SimpleLinearRegression(50, "auto", random_state=3, standardize=standardize)
    for rows in (slice(0, 2), slice(2, 4), slice(4, 20)):
        parts.partial_fit(X[rows], y[rows])
    whole = SimpleLinearRegression(50, "auto", random_state=3, standardize=standardize).fit(X, y)
    assert parts.start_ == pytest.approx(whole.start_, rel=1e-12) and parts.W == pytest.approx(whole.W, rel=1e-9)
    if not standardize:
        assert np.array_equal(parts.start_, draw_of(3, 5))


def test_an_undetermined_direction_does_not_move(random: np.random.Generator) -> None:
    """Standardised: not even over many steps, in which rounding errors would add up."""
    x, z = random.normal(size=(2, 100))
    X = np.column_stack([x, x + 5e-8 * z])
    slopes = [warned(X, x + z, iterations=steps, lr="auto", standardize=True)[0].W for steps in (1000, 1_000_000)]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-9)
    assert slopes[0][0] == pytest.approx(slopes[0][1], rel=1e-6)


def test_time_stamps_warn_and_name_standardize(random: np.random.Generator) -> None:
    """Unscaled columns end far from the optimum at lr="auto"; standardised ones reach it without a warning."""
    stamps = 1.7e9 + np.sort(random.uniform(0.0, 1e6, size=200))[:, None]
    y = (stamps[:, 0] - 1.7e9) / 1e5 + 0.1 * random.normal(size=200)
    model, words = warned(stamps, y, lr="auto")
    assert len(words) == 1 and model.score(stamps, y) < 0.5
    assert re.search(r"not converged: 99\.\d+% of the loss .* use standardize=True", words[0])
    model, words = warned(stamps, y, lr="auto", standardize=True)
    assert words == [] and model.score(stamps, y) > 0.99


@pytest.mark.parametrize("settings", [{"lr": 0.1}, {"lr": "auto"}, {"lr": 0.01, "batch_size": 64}])
def test_every_kind_of_descent_warns_where_the_gap_is_over_one_percent(settings: dict[str, Any]) -> None:
    """With few steps it does, and with many it does not."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    for iterations in (3, 3000 if "batch_size" in settings else 100_000):
        model, words = warned(X, y, iterations=iterations, standardize=True, **settings)
        certificate = Certificate.of(model.moments_, model.W, model.b)
        assert bool(words) == (certificate.gap > 0.01 * certificate.loss) == (iterations == 3)
        assert all("standardize" not in sentence for sentence in words)


@pytest.mark.parametrize("settings", [{"lr": 1e3}, {"lr": 1e3, "batch_size": 4}, {"lr": 1e-9}])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_warnings_name_the_line_that_calls(random: np.random.Generator, settings: dict[str, Any], method: str) -> None:
    """Also those of the first ``partial_fit``, and of a learning rate of mini-batches."""
    X, y = random.normal(size=(20, 2)), random.normal(size=20)
    model = SimpleLinearRegression(3, random_state=0, **settings)
    if hasattr(model, method):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            getattr(model, method)(X, y)
        assert {__file__} == {warning.filename for warning in caught}


def test_directions_that_hardly_move_are_counted() -> None:
    """Two features that differ by 1e-5: the gap is small, but the slopes are those of the start."""
    one, other = np.random.default_rng(0).normal(size=(2, 200))
    _, words = warned(np.column_stack([one, one + 1e-5 * other]), one + 0.1 * other ** 2)
    assert len(words) == 1 and "more than half of the random start is left in 1 direction;" in words[0]


@given(seeds, st.floats(0.0, 6.0), st.integers(0, 1000))
def test_the_terms_of_the_spectrum_add_up_to_the_excess(seed: int, digits: float, steps: int) -> None:
    """At the start and, times the powers of rho, after any number of steps: without a difference of losses."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, 30, 3, 10.0 ** digits)
    moments = Moments.from_arrays(X, y)
    spectrum, start = HessianSpectrum.of(moments), random.standard_normal(4)
    terms = excess_terms(spectrum.values, spectrum.Q.T @ (start - np.append(*moments.solve())))
    rho = 1.0 - spectrum.safe_rate * spectrum.values
    theta, _ = precise_loop(X, y, start, spectrum.safe_rate, steps)
    expected = excess(moments, theta[:-1], float(theta[-1]))
    assert float(terms @ rho ** (2 * steps)) == pytest.approx(expected, rel=1e-6, abs=1e-20 * y.var())


@pytest.mark.parametrize("offset", [1e12, 1e14, 1e15])
def test_the_loss_far_from_zero_includes_the_rounding_of_predictions(random: np.random.Generator,
                                                                     offset: float) -> None:
    """The printed loss is one that the served line does not exceed, and a warning gives the size of the rounding."""
    x = np.round(random.normal(size=200) * 1024.0) / (8.0 if offset < 1e15 else 1.0)
    X, y = (offset + x)[:, None], x / 100.0 + 0.01 * random.normal(size=200)
    model, words = warned(X, y, lr="auto", standardize=True)
    certificate = Certificate.of(model.moments_, model.W, model.b)
    served = float(np.mean((y - model.predict(X)) ** 2))
    best = least_squares((x - x.mean())[:, None], y)
    lowest = float(np.mean((y - best[0] * (x - x.mean()) - best[1]) ** 2))
    assert served <= certificate.loss and certificate.loss - lowest <= certificate.gap + 1e-14 * y.var()
    assert "are so far from 0 that predictions are rounded by" in words[-1] and len(words) == 1
    assert certificate.loss == pytest.approx(
        (np.sqrt(model.moments_.loss(model.W, model.b)) + rounding(model.moments_, model.W, model.b)) ** 2)


def test_rounding_is_no_matter_near_zero(random: np.random.Generator) -> None:
    """Nor where the target is constant or without noise."""
    X = random.normal(size=(50, 2))
    for y in (random.normal(size=50), X @ [1.0, 2.0], np.full(50, 7.0)):
        assert warned(X, y)[1] == []


def test_the_command_line_prints_each_shortcoming_in_one_line(tmp_path: Path, random: np.random.Generator) -> None:
    """Each command that fits or evaluates; a Python warning would be an error here."""
    stamps, noise = 1.7e9 + random.uniform(0.0, 1e6, size=200), random.normal(size=200)
    columns = np.column_stack([stamps, stamps, (stamps - 1.7e9) / 1e5 + 0.1 * noise])
    data, gone = tmp_path / "rows.csv", tmp_path / "gone.csv"
    for path, rows in ((data, columns), (gone, columns[:20])):
        path.write_text("\n".join(["seen,sent,y", *(",".join(map(repr, row)) for row in rows.tolist()), ""]))
    what = ("--data", data, "--features", "seen,sent", "--target", "y")
    plain = ("--no-standardize", "--iterations", "15000", "--model-save-path", tmp_path / "model")
    outcomes = [run("train", *what, *plain),
                run("evaluate", "--model-path", tmp_path / "model", "--data", data),
                run("unlearn", "--data", gone, "--model-path", tmp_path / "model"),
                run("cross-validate", *what, "--lr", "auto"),
                run("moments", "build", *what, "--output", tmp_path / "moments.json"),
                run("moments", "show", tmp_path / "moments.json")]
    assert [(0, "")] * 6 == [(done.exit_code, done.stderr) for done in outcomes]
    for place, done in enumerate(outcomes):
        dependent = re.findall(r"^dependent    the rows have rank 1 .*: seen, sent$", done.stdout, re.M)
        unfinished = re.findall(r"^unfinished   .* use --standardize, more --iterations or a higher --lr$",
                                done.stdout, re.M)
        assert (len(dependent), len(unfinished)) == (int(place != 4), int(place < 3))
