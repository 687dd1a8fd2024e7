"""Real data sets, unscaled, with the default options: the small ones of ``make test-real-data``."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from tests.real_data import DATA_SETS, DataSet, Line, learned, outcome


@pytest.mark.parametrize(("name", "ending", "dependent"), [
    ("longley", ".csv", ()),
    ("diabetes", ".parquet", ()),
    ("iris, species", ".csv", ("target_0", "target_1", "target_2")),
    ("macrodata, time", ".parquet", ("year", "quarter", "time")),
])
def test_train_gives_the_least_squares_line(tmp_path: Path, name: str, ending: str, dependent: tuple[str, ...]) -> None:
    """The slopes are those of LAPACK, and columns that depend on each other are named."""
    done = outcome(DATA_SETS[name], tmp_path / f"rows{ending}")

    assert done.error <= done.tolerance
    assert dependent == done.dependent == done.named


def test_a_data_set_too_small_for_a_test_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    """One of the 20 rows of linnerud is a test row with this target."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        outcome(DataSet("linnerud", lambda: learned("linnerud"), "Weight"), tmp_path / "rows.csv")

    message = "Error: there is only 1 test row: add rows or change --test-fraction\n"
    assert message == caught.value.stderr


def test_the_reference_is_the_least_squares_line() -> None:
    """A reference that accepts another line would find no fault."""
    rows = DATA_SETS["diabetes"].rows().to_numpy(np.float64)
    X, y = rows[:, :-1], rows[:, -1]
    W = LinearRegression().fit(X, y).coef_

    line = Line.of(X, y)

    assert () == line.dependent
    assert line.error(W) <= line.tolerance < 1e-9
    assert line.error(W * (1.0 + 1e-9)) > line.tolerance


def test_wrong_slopes_and_wrong_names_are_faults(tmp_path: Path) -> None:
    """Each is said in the table."""
    done = outcome(DATA_SETS["stackloss"], tmp_path / "rows.csv")

    assert "" == done.fault
    assert "slopes" == replace(done, error=2.0 * done.tolerance).fault
    assert "slopes" == replace(done, error=np.nan).fault
    assert "slopes, warning" == replace(done, error=1.0, named=("AIRFLOW",)).fault
    assert "warning" == replace(done, dependent=("AIRFLOW", "WATERTEMP"), named=("AIRFLOW",)).fault
