"""``linear-regressor train`` on real data sets, unscaled, against LAPACK: ``make test-real-data``.

The data sets are those that statsmodels, scikit-learn and matplotlib ship. Each is written to a file and trained on by
the command with its default options. The slopes are compared with a singular value decomposition of the centred and
scaled training rows, which does not square the condition number as cross-products do.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import sklearn.datasets
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from linear_regressor.data import splitting
from linear_regressor.data.occurrences import Occurrences
from tests.command_line import run_process

Array = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
TEST_FRACTION = 0.2
# Eigenvalues of the correlation matrix at or below this share of the largest count as 0.
RANK_THRESHOLD = 1e-12
# Squared share of a column in the directions that do not count, above which it is named; at most eight are.
NAMED, MOST_NAMED = 1e-8, 8


@dataclass(frozen=True)
class DataSet:
    """A real data set: the target, and the other numeric columns as features."""

    name: str
    read: Callable[[], Any]
    target: str

    def rows(self) -> Any:
        """Return its complete rows as a pandas DataFrame, the target last."""
        frame = self.read().select_dtypes("number").dropna()
        return frame[[*(name for name in frame.columns if name != self.target), self.target]]


@dataclass(frozen=True, eq=False)
class Line:
    """The least-squares line of some rows; of several, the one with the least norm in standardised coordinates."""

    # shape (p,): standard deviations of the features, and the slopes times these
    deviation: Array
    slopes: Array
    # condition number of the correlation matrix, without directions that do not count
    kappa: float
    # largest distance of a mean from 0, in standard deviations
    offset: float
    # places of the features that are constant or depend on each other
    dependent: tuple[int, ...]

    @classmethod
    def of(cls, X: Array, y: Array) -> Line:
        """Solve by the singular values of the centred and scaled rows, which are centred in extended precision."""
        centred = X - X.mean(axis=0, dtype=np.longdouble)
        deviation = np.sqrt((centred ** 2).mean(axis=0))
        varies = X.max(axis=0) > X.min(axis=0)
        safe = np.where(varies, deviation, 1.0)
        Z = (np.where(varies, centred, 0.0) / safe).astype(np.float64)
        target = (y - y.mean(dtype=np.longdouble)).astype(np.float64)
        slopes, _, rank, values = np.linalg.lstsq(Z, target, rcond=np.sqrt(RANK_THRESHOLD))
        outside = np.eye(X.shape[1]) - np.linalg.pinv(Z, rcond=np.sqrt(RANK_THRESHOLD)) @ Z
        dependent = np.flatnonzero(outside.diagonal() > NAMED)
        return cls(safe.astype(np.float64), slopes, float((values[0] / values[rank - 1]) ** 2),
                   float(np.max(np.abs(X.mean(axis=0))[varies] / safe[varies])), tuple(dependent.tolist()))

    @property
    def tolerance(self) -> float:
        """Largest relative error that slopes from cross-products may have."""
        return max(1e-12, 32.0 * EPS * self.kappa * (1.0 + self.offset))

    def error(self, W: Array) -> float:
        """Relative error of slopes, in standardised coordinates."""
        return float(np.linalg.norm(W * self.deviation - self.slopes) / np.linalg.norm(self.slopes))


@dataclass(frozen=True)
class Outcome:
    """What the command did with a data set."""

    name: str
    rows: int
    columns: int
    kappa: float
    steps: int
    # relative error of the standardised slopes, and the largest that is allowed
    error: float
    tolerance: float
    # features that are dependent, and those that the command named
    dependent: tuple[str, ...]
    named: tuple[str, ...]
    seconds: float

    @property
    def fault(self) -> str:
        """What is wrong, or empty text."""
        wrong = [] if self.error <= self.tolerance else ["slopes"]
        return ", ".join(wrong if self.named == self.dependent[:MOST_NAMED] else [*wrong, "warning"])

    def __str__(self) -> str:
        """Format the outcome as a line of the table."""
        return (f"{self.name:<30} {self.rows:>6} {self.columns:>8} {self.kappa:>8.1e} {self.steps:>8.2g} "
                f"{self.error / self.tolerance:>15.2g} {len(self.dependent):>9} {self.seconds:>7.2f} {self.fault}")


def shipped(name: str) -> Any:
    """Read a data set of statsmodels."""
    return import_module(f"statsmodels.datasets.{name}").load_pandas().data


def learned(name: str, **options: Any) -> Any:
    """Read a data set of scikit-learn."""
    return getattr(sklearn.datasets, f"load_{name}")(as_frame=True, **options).frame


def stocks() -> Any:
    """Read the monthly stock prices and indices of matplotlib."""
    return pd.read_csv(matplotlib.get_data_path() + "/sample_data/Stocks.csv", comment="#")


def one_hot(read: Callable[[], Any], column: str) -> Any:
    """Replace a column by one column of 0 and 1 for each of its values: they depend on each other."""
    return pd.get_dummies(read(), columns=[column], dtype=int)


def with_time(read: Callable[[], Any]) -> Any:
    """Add the time in years, which depends on year and quarter."""
    return read().assign(time=lambda frame: frame["year"] + frame["quarter"] / 4)


def with_mean(read: Callable[[], Any]) -> Any:
    """Add the mean of the months from January to November, which depends on them."""
    return read().assign(mean=lambda frame: frame.loc[:, "JAN":"NOV"].mean(axis=1))


def years(first: int, last: int) -> Any:
    """Read the fertility of all countries, a column for each year."""
    return shipped("fertility")[[str(year) for year in range(first, last + 1)]]


def countries() -> Any:
    """Read the fertility of all years, a column for each country: fewer rows than columns."""
    return shipped("fertility").set_index("Country Code").loc[:, "1960":"2011"].dropna().T


STATSMODELS = {
    "anes96": "income", "cancer": "cancer", "ccard": "AVGEXP", "committee": "BILLS104", "copper": "WORLDCONSUMPTION",
    "cpunish": "EXECUTIONS", "danish_data": "lrm", "elnino": "DEC", "engel": "foodexp", "fair": "affairs",
    "grunfeld": "invest", "heart": "survival", "interest_inflation": "R", "longley": "TOTEMP", "macrodata": "realgdp",
    "modechoice": "gc", "nile": "volume", "randhie": "mdvis", "scotland": "YES", "spector": "GPA",
    "stackloss": "STACKLOSS", "star98": "NABOVE", "statecrime": "murder", "strikes": "duration",
    "sunspots": "SUNACTIVITY"}
DATA_SETS = {data.name: data for data in (
    *(DataSet(name, partial(shipped, name), target) for name, target in STATSMODELS.items()),
    DataSet("elnino, mean", partial(with_mean, partial(shipped, "elnino")), "DEC"),
    DataSet("fertility", partial(years, 1960, 2011), "2011"),
    DataSet("fertility, 10 years", partial(years, 2001, 2011), "2011"),
    DataSet("fertility, countries", countries, "USA"),
    DataSet("grunfeld, firms", partial(one_hot, partial(shipped, "grunfeld"), "firm"), "invest"),
    DataSet("interest_inflation, quarters", partial(one_hot, partial(shipped, "interest_inflation"), "quarter"), "R"),
    DataSet("macrodata, time", partial(with_time, partial(shipped, "macrodata")), "realgdp"),
    DataSet("modechoice, modes", partial(one_hot, partial(shipped, "modechoice"), "mode"), "gc"),
    DataSet("breast_cancer", partial(learned, "breast_cancer"), "target"),
    DataSet("diabetes", partial(learned, "diabetes", scaled=False), "target"),
    DataSet("digits", partial(learned, "digits"), "target"),
    DataSet("iris", partial(learned, "iris"), "petal width (cm)"),
    DataSet("iris, species", partial(one_hot, partial(learned, "iris"), "target"), "petal width (cm)"),
    DataSet("linnerud", partial(learned, "linnerud"), "Waist"),
    DataSet("wine", partial(learned, "wine"), "alcohol"),
    DataSet("stocks", stocks, "^GSPC"),
)}


def outcome(data: DataSet, path: Path) -> Outcome:
    """Write a data set to a file, train on it and compare; the file name ending selects the format."""
    rows, model = data.rows(), path.with_suffix(".model")
    rows.to_csv(path, index=False) if path.suffix == ".csv" else rows.to_parquet(path)
    features, start = list(rows.columns[:-1]), time.perf_counter()
    done = run_process("train", "--data", path, "--features", ",".join(features), "--target", data.target,
                       "--model-save-path", model)
    seconds = time.perf_counter() - start
    if done.returncode or done.stderr:
        raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
    artefact = load(model)
    training = training_rows(rows.to_numpy(np.float64), artefact)
    line = Line.of(training[:, :-1], training[:, -1])
    return Outcome(data.name, len(training), len(features), line.kappa, steps_of(done.stdout), line.error(artefact.W),
                   line.tolerance, tuple(features[place] for place in line.dependent), named(done.stdout), seconds)


def training_rows(rows: Array, artefact: Artefact) -> Array:
    """Return the rows that the command trained on."""
    hashes = splitting.hash_values(rows.T)
    Occurrences().number(hashes)
    training = rows[~splitting.in_test(hashes, TEST_FRACTION)]
    if len(training) != artefact.moments.n:
        raise ValueError(f"{len(training)} training rows, but the command used {artefact.moments.n:.0f}")
    return training


def steps_of(summary: str) -> int:
    """Return after how many steps descent has converged; large numbers are rounded."""
    found = re.search(r"^descent +converged in (\S+) steps?", summary, re.MULTILINE)
    if found is None:
        raise ValueError(f"no number of steps in {summary}")
    return int(float(found[1]))


def named(summary: str) -> tuple[str, ...]:
    """Return the features that a summary names as dependent, at most eight."""
    found = re.search(r"^dependent .*: (.*?)(?: and \d+ more)?$", summary, re.MULTILINE)
    return () if found is None else tuple(found[1].split(", "))


def main() -> None:
    """Print a line for each data set, or for those that are named; the exit code is 1 if any is wrong."""
    chosen = [DATA_SETS[name] for name in sys.argv[1:]] or list(DATA_SETS.values())
    print(f"{'data set':<30} {'rows':>6} {'features':>8} {'kappa':>8} {'steps':>8} {'error/tolerance':>15} "
          f"{'dependent':>9} {'seconds':>7}")
    faults = 0
    with tempfile.TemporaryDirectory() as made:
        for number, data in enumerate(chosen):
            try:
                result = outcome(data, Path(made, f"{number}.{'parquet' if number % 2 else 'csv'}"))
            except subprocess.CalledProcessError as error:
                print(f"{data.name:<30} {error.stderr.strip()}", flush=True)
                faults += 1
            else:
                print(result, flush=True)
                faults += bool(result.fault)
    print(f"{len(chosen)} data sets, {faults} with a fault")
    sys.exit(min(faults, 1))


if __name__ == "__main__":
    main()
