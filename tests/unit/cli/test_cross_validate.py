"""``linear-regressor cross-validate``, on real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from linear_regressor.data import splitting
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.model.moments import Moments
from linear_regressor.training.engine import LocalEngine
from linear_regressor.training.reading import read_folds
from tests.command_line import run
from tests.tables import Array, rows_of, write
from tests.unit.model.test_moments import assert_same

COLUMNS = Columns(("age", "bmi"), "score")


def cross_validate(data: object, *options: object) -> Result:
    """Cross-validate the regression of score on age and bmi."""
    return run("cross-validate", "--data", data, "--features", "age,bmi", "--target", "score", *options)


def settings_of(done: Result) -> list[list[str]]:
    """The words of the line of each setting, without the star."""
    lines = done.stdout.splitlines()
    sizes = next(place for place, line in enumerate(lines) if line.startswith("fold sizes"))
    return [line[1:].split() for line in lines[2:sizes]]


def out_of_fold(rows: Array, fold: np.ndarray) -> tuple[float, float, float]:
    """Mean squared error, its deviation over folds and R2 of scikit-learn, refitted without each fold."""
    predicted = np.empty(len(rows))
    for number in range(fold.max() + 1):
        out = fold == number
        predicted[out] = LinearRegression().fit(rows[~out, :2], rows[~out, 2]).predict(rows[out, :2])
    squares = (rows[:, 2] - predicted) ** 2
    spread = np.std([squares[fold == number].mean() for number in range(fold.max() + 1)], ddof=1)
    return float(squares.mean()), float(spread), 1.0 - float(squares.mean() / rows[:, 2].var())


@pytest.mark.parametrize("folds", [2, 5, 20])
def test_the_scores_are_those_of_refitting_without_each_fold(tmp_path: Path, folds: int) -> None:
    """With scikit-learn as the oracle."""
    rows = rows_of(0, 400)
    write(tmp_path / "rows" / "a.csv", rows[:150]), write(tmp_path / "rows" / "b.parquet", rows[150:])
    done = cross_validate(tmp_path / "rows", "--folds", folds)
    expected = out_of_fold(rows, splitting.folds(splitting.hash_values(rows.T), folds))

    assert 0 == done.exit_code and done.stdout.startswith(f"400 rows in {folds} folds; ")
    ((rate, iterations, *scores),) = settings_of(done)
    assert ("auto", "auto") == (rate, iterations)
    assert [float(score) for score in scores] == pytest.approx(expected, rel=1e-4)


def test_rows_of_one_key_are_in_one_fold(tmp_path: Path) -> None:
    """The fold of a row is that of its key."""
    rows, keys = rows_of(0, 300), np.arange(300) // 3
    write(tmp_path / "a.parquet", rows, patient=keys.tolist())
    done = cross_validate(tmp_path / "a.parquet", "--key", "patient", "--folds", 3)
    fold = splitting.folds(splitting.hash_keys(pa.array(keys)), 3)
    assert [float(score) for score in settings_of(done)[0][2:]] == pytest.approx(out_of_fold(rows, fold), rel=1e-4)


def test_every_setting_of_the_grid_has_a_line_and_the_best_a_star(tmp_path: Path) -> None:
    """In the given order, each once; rates that cannot converge are marked."""
    done = cross_validate(write(tmp_path / "a.csv", rows_of(0, 200)), "--lr", "0.01, 0.1", "--lr", "50,0.10",
                          "--iterations", "3,30")
    lines = settings_of(done)
    assert [["0.01", "3"], ["0.01", "30"], ["0.1", "3"], ["0.1", "30"], ["50.0", "3"], ["50.0", "30"]] == [
        line[:2] for line in lines]
    assert ["cannot", "converge"] == lines[-1][2:]
    starred = [line[1:].split() for line in done.stdout.splitlines() if line.startswith("*")]
    assert [min(lines[:4], key=lambda line: float(line[2]))] == starred
    assert ["0.1", "30"] == starred[0][:2]


def test_the_exit_code_is_2_if_no_rate_converges(tmp_path: Path) -> None:
    """The table is printed all the same; the error has the limit."""
    done = cross_validate(write(tmp_path / "a.csv", rows_of(0, 200)), "--lr", "0.1", "--no-standardize")
    assert 2 == done.exit_code and "cannot converge" in done.stdout
    assert done.stderr.startswith("Error: no learning rate of these converges: they must be below 0.000")


@given(st.integers(0, 2 ** 32 - 1), st.integers(2, 4), st.lists(st.integers(0, 100), max_size=3))
@settings(max_examples=15)
def test_the_folds_do_not_depend_on_the_files(
        tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, cuts: list[int]) -> None:
    """Each fold has the moments of its rows, in any division into files, order and format."""
    folder, rows = tmp_path_factory.mktemp("folds"), rows_of(seed, 100)
    order = np.random.default_rng(seed).permutation(100)
    for number, part in enumerate(np.split(rows[order], sorted(cuts))):
        write(folder / f"{number}{'.csv' if number % 2 else '.parquet'}", part)
    folds = read_folds(Source.of(str(folder), COLUMNS).partitions(), count, LocalEngine(), int).moments
    fold = splitting.folds(splitting.hash_values(rows.T), count)
    for number, moments in enumerate(folds):
        assert_same(moments, Moments.from_arrays(rows[fold == number, :2], rows[fold == number, 2]))


def test_more_folds_than_rows_are_rejected(tmp_path: Path) -> None:
    """So is a row that cannot be used; it is named."""
    few = cross_validate(write(tmp_path / "few.csv", rows_of(0, 5)), "--folds", 50)
    (tmp_path / "bad.csv").write_text("age,bmi,score\n1,2,3\n1,nan,4\n")
    bad = cross_validate(tmp_path / "bad.csv")
    (tmp_path / "none.csv").write_text("age,bmi,score\n")
    none = cross_validate(tmp_path / "none.csv")
    assert (1, 1, 1) == (few.exit_code, bad.exit_code, none.exit_code)
    assert none.stderr.endswith("none.csv has no rows: add rows, or name other files\n")
    assert "of 50 folds have no rows: ask for fewer folds" in few.stderr
    assert "bad.csv" in bad.stderr and "'bmi', row 2" in bad.stderr


@pytest.mark.parametrize("options", [("--folds", 1), ("--folds", 101), ("--lr", "0"), ("--lr", "fast"),
                                     ("--iterations", "0"), ("--iterations", "1.5"), ("--iterations", "10,")])
def test_misuse_is_exit_code_2(tmp_path: Path, options: tuple[object, ...]) -> None:
    """Nothing is read."""
    assert 2 == cross_validate(tmp_path / "none.csv", *options).exit_code


def test_a_copy_of_a_file_is_rejected(tmp_path: Path) -> None:
    """The same rows would be used for training and test; single rows may well be equal."""
    rows = rows_of(0, 200)
    for name in ("a.csv", "b.parquet"):
        write(tmp_path / "rows" / name, rows)
        write(tmp_path / "single" / name, rows[:1])
    write(tmp_path / "single" / "c.csv", rows)
    done = cross_validate(tmp_path / "rows", "--standardize")
    assert (1, 1) == (done.exit_code, done.stderr.count("\n"))
    assert "a.csv and " in done.stderr and "b.parquet contain the same rows in all columns" in done.stderr
    assert 0 == cross_validate(tmp_path / "single", "--standardize").exit_code
