"""``Recipe``: everything that decides which model training makes of a data set."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from scipy import stats

from linear_regressor.model.evaluate import Certificate, Evaluation
from linear_regressor.model.moments import Moments


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of one training."""

    # names of the features, in order
    features: tuple[str, ...] = ("bmi",)
    # at least 1; see ``SimpleLinearRegression``
    iterations: int = 15000
    # learning rate, greater than 0 and below the limit that the data set
    lr: float | str = 0.1
    # rows a step, at least 1; None uses all rows at each step
    batch_size: int | None = None
    # seed of the start weights and of the order of the rows, 0 to 2**32 - 1
    random_state: int = 0
    # the least R2 on the test rows at which a model may be saved
    min_r2: float = 0.40
    # how many rows at the end of the data are kept for the test, at least 2; of a stream none are
    test_rows: int = 20
    # whether to descend in coordinates in which every feature has mean 0 and standard deviation 1
    standardize: bool = False
    # the share of a stream's rows that is kept for the test, by their hash: between 0 and 1
    test_fraction: float | None = None
    # name of the column whose hash decides that; None takes the row's values
    key: str | None = None
    # which rows of a stream are taken; None takes all
    where: str | None = None


# Packages whose version can change the last digits of a model.
PACKAGES = ("linear-regressor", "numpy", "scikit-learn", "scipy")


def model_card(config: TrainingConfig, moments: Moments, target: str, lr: float, evaluation: Evaluation,
         certificate: Certificate) -> dict[str, Any]:
    """Gather what decides the model and what came of it; nothing that differs between two equal trainings."""
    settings = {**asdict(config), "features": list(config.features), "lr_used": lr}
    return {"settings": settings,
            "data": {"rows": int(moments.n), "target": target},
            "metrics": {"test": asdict(evaluation), "training": asdict(certificate)},
            "environment": environment()}


def environment() -> dict[str, str]:
    """Tell what can change the last digits of a model."""
    return {"python": platform.python_version(), "machine": platform.machine(),
            **{name: version(name) for name in PACKAGES}}


LEVELS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def quantile_table(n: float, p: int) -> dict[str, list[float]]:
    """Quantiles of Student's t and of F for each level."""
    levels = list(LEVELS) if n > p + 1 else []
    return {"levels": levels,
            "t": [float(stats.t.ppf((1.0 + level) / 2.0, n - p - 1)) for level in levels],
            "f": [float(stats.f.ppf(level, p, n - p)) for level in levels]}


def chi_squared_tail(statistic: float, degrees_of_freedom: int) -> float:
    """Probability that a chi-squared variable is larger than a statistic: the p-value of a Wald test."""
    return float(stats.chi2.sf(statistic, degrees_of_freedom))
