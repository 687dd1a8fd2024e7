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
    """The settings of one training.

    Parameters
    ----------
    features : tuple of str
        Names of the features, in order.
    iterations : int
        At least 1; see ``SimpleLinearRegression``.
    lr : float or "auto"
        Learning rate, greater than 0 and below the limit that the data set.
    batch_size : int or None
        Rows a step, at least 1; None uses all rows at each step.
    random_state : int
        Seed of the start weights and of the order of the rows, 0 to 2**32 - 1.
    min_r2 : float
        The least R2 on the test rows at which a model may be saved.
    test_rows : int
        How many rows at the end of the data are kept for the test, at least 2; of a stream none are.
    standardize : bool
        Whether to descend in coordinates in which every feature has mean 0 and standard deviation 1.
    test_fraction : float or None
        The share of a stream's rows that is kept for the test, by their hash: between 0 and 1.
    key : str or None
        Name of the column whose hash decides that; None takes the row's values.
    where : str or None
        Which rows of a stream are taken; None takes all.
    """

    features: tuple[str, ...] = ("bmi",)
    iterations: int = 15000
    lr: float | str = 0.1
    batch_size: int | None = None
    random_state: int = 0
    min_r2: float = 0.40
    test_rows: int = 20
    standardize: bool = False
    test_fraction: float | None = None
    key: str | None = None
    where: str | None = None


# Packages whose version can change the last digits of a model.
PACKAGES = ("linear-regressor", "numpy", "scikit-learn", "scipy")


def model_card(config: TrainingConfig, moments: Moments, target: str, lr: float, evaluation: Evaluation,
         certificate: Certificate) -> dict[str, Any]:
    """Gather what decides the model and what came of it; nothing that differs between two equal trainings.

    Parameters
    ----------
    recipe : Recipe
        The settings of the training.
    moments : Moments
        Moments of the rows it was trained on.
    target : str
        Name of the target.
    lr : float
        The learning rate that was used.
    evaluation : Evaluation
        Errors on the test rows.
    certificate : Certificate
        Distance from the best line on the training rows.

    Returns
    -------
    dict
        Numbers, strings, lists and dicts with string keys.
    """
    settings = {**asdict(config), "features": list(config.features), "lr_used": lr}
    return {"settings": settings,
            "data": {"rows": int(moments.n), "target": target},
            "metrics": {"test": asdict(evaluation), "training": asdict(certificate)},
            "environment": environment()}


def environment() -> dict[str, str]:
    """Tell what can change the last digits of a model.

    Returns
    -------
    dict
        Versions of Python and of packages, and the kind of machine.

    Examples
    --------
    >>> sorted(environment())
    ['linear-regressor', 'machine', 'numpy', 'python', 'scikit-learn', 'scipy']
    """
    return {"python": platform.python_version(), "machine": platform.machine(),
            **{name: version(name) for name in PACKAGES}}


LEVELS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def quantile_table(n: float, p: int) -> dict[str, list[float]]:
    """Quantiles of Student's t and of F for each level.

    Parameters
    ----------
    n : float
        Number of training rows.
    p : int
        Number of features, at least 1.

    Returns
    -------
    dict
        ``levels``; ``t``: the two-sided quantiles with n - p - 1 degrees of freedom; ``f``: the quantiles of
        F(p, n - p). Empty lists where there are no more than p + 1 rows.

    Examples
    --------
    >>> quantiles = quantile_table(422, 1)
    >>> quantiles["levels"][3], round(quantiles["t"][3], 4), round(quantiles["f"][3], 4)
    (0.95, 1.9656, 3.8635)
    """
    levels = list(LEVELS) if n > p + 1 else []
    return {"levels": levels,
            "t": [float(stats.t.ppf((1.0 + level) / 2.0, n - p - 1)) for level in levels],
            "f": [float(stats.f.ppf(level, p, n - p)) for level in levels]}


def chi_squared_tail(statistic: float, degrees_of_freedom: int) -> float:
    """Probability that a chi-squared variable is larger than a statistic: the p-value of a Wald test.

    Parameters
    ----------
    statistic : float
        At least 0.
    degrees_of_freedom : int
        At least 1.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> round(chi_squared_tail(3.841459, 1), 6)
    0.05
    """
    return float(stats.chi2.sf(statistic, degrees_of_freedom))
