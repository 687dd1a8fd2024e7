"""What SciPy knows of distributions: the table of quantiles that lets the server do without it, and a p-value."""

from __future__ import annotations

from scipy import stats

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)


def table(n: float, p: int) -> dict[str, list[float]]:
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
    >>> quantiles = table(422, 1)
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
