"""``TrainingConfig``: the settings that decide a model, with the facts and tables that go into its file."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from scipy import special  # scipy.stats would take four times as long to import

from linear_regressor.model.evaluate import Certificate, Evaluation
from linear_regressor.model.moments import Moments

# Packages whose version can change the last digits of a model.
PACKAGES = ("linear-regressor", "numpy", "scikit-learn", "scipy")
# Levels of the two-sided intervals for which a model file has quantiles.
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a training; those of the descent are documented at ``SimpleLinearRegression``."""

    # names of the features, in order
    features: tuple[str, ...] = ("bmi",)
    # at least 1; "auto" for as many as full-batch descent takes to converge
    iterations: int | str = 15000
    # learning rate: greater than 0 and below the limit of convergence, or "auto"
    lr: float | str = 0.1
    # rows in a step, at least 1; None uses all rows in each step
    batch_size: int | None = None
    # seed of the start weights and of the order of the rows, 0 to 2**32 - 1
    random_state: int = 0
    # least R2 on the test rows; a model below it is not saved; None saves any model
    min_r2: float | None = 0.40
    # rows at the end of data in memory that are kept for the test, at least 2; 0 for a stream
    test_rows: int = 20
    # whether to descend in coordinates in which every feature has mean 0 and standard deviation 1
    standardize: bool = False
    # share of a stream's rows that their hash keeps for the test, between 0 and 1; None for data in memory
    test_fraction: float | None = None
    # name of the column to hash; None hashes the values of the row
    key: str | None = None
    # row filter of a stream; None takes all rows
    where: str | None = None


def model_card(config: TrainingConfig, rows: float, target: str, digest: str, lr_used: float, evaluation: Evaluation,
               certificate: Certificate) -> dict[str, Any]:
    """Settings, data, metrics and environment: nothing that differs between two equal trainings.

    The digest is of training and test rows, the rows are those of the training alone.
    """
    return {"settings": {**asdict(config), "features": list(config.features), "lr_used": lr_used},
            "data": {"rows": int(rows), "target": target, "digest": digest},
            "metrics": {"test": asdict(evaluation), "training": asdict(certificate)},
            "environment": environment()}


@cache
def environment() -> dict[str, str]:
    """Versions and machine that can change the last digits of a model."""
    return {"python": platform.python_version(), "machine": platform.machine(),
            **{name: version(name) for name in PACKAGES}}


def quantile_table(n: float, p: int) -> dict[str, list[float]]:
    """Quantiles of Student's t and of F for each level; empty without degrees of freedom."""
    levels = list(LEVELS) if n > p + 1 else []
    return {"levels": levels,
            "t": [float(special.stdtrit(n - p - 1, (1.0 + level) / 2.0)) for level in levels],
            "f": [float(special.fdtri(p, n - p, level)) for level in levels]}


def chi_squared_tail(statistic: float, degrees_of_freedom: int) -> float:
    """Probability that a chi-squared variable exceeds a statistic: the p-value of a Wald test."""
    return float(special.chdtrc(degrees_of_freedom, statistic))


def student_cdf(statistic: float, degrees_of_freedom: float) -> float:
    """Probability that a variable of Student's t is at most a statistic."""
    return float(special.stdtr(degrees_of_freedom, statistic))


def student_quantile(probability: float, degrees_of_freedom: float) -> float:
    """Quantile of Student's t."""
    return float(special.stdtrit(degrees_of_freedom, probability))


def highest_outside_share(degrees_of_freedom: float, uncertainty: float = 0.005) -> float:
    """Highest share of rows outside their 90 % intervals that an unchanged model has, except with this probability.

    The residual variance of training may lie below that of the errors: ``2 P(z > t sqrt(q / nu))`` with t the quantile
    of the interval and q the lower quantile of chi-squared, both with nu degrees of freedom. At least 0.13, which
    leaves room for errors that are not quite normal.
    """
    t = special.stdtrit(degrees_of_freedom, 0.95)
    least = special.chdtri(degrees_of_freedom, 1.0 - uncertainty)
    return max(0.13, float(2.0 * special.ndtr(-t * (least / degrees_of_freedom) ** 0.5)))


def outside_share(moments: Moments) -> float | None:
    """Highest share of rows outside their 90 % intervals for a model of these rows; None without degrees of freedom."""
    free = moments.n - moments.p - 1
    return highest_outside_share(free) if free > 0 else None
