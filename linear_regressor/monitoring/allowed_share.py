"""The share of rows outside their 90 % intervals that an unchanged model can have by chance, without SciPy."""

from __future__ import annotations

from math import erfc, inf, lgamma, log, sqrt

import numpy as np

# Room for errors that are not quite normal.
LEAST = 0.13
BISECTIONS = 100


def highest_outside_share(degrees_of_freedom: float, t: float, uncertainty: float) -> float:
    """Highest allowed share, except with this probability; ``t`` is the quantile of the interval.

    The residual variance of training may lie below that of the errors: ``2 P(z > t sqrt(q / nu))`` with q the lower
    quantile of chi-squared with nu degrees of freedom. At least 0.13.
    """
    least = chi_squared_quantile(degrees_of_freedom, uncertainty)
    return max(LEAST, erfc(t * sqrt(least / degrees_of_freedom / 2.0)))


def chi_squared_quantile(degrees_of_freedom: float, probability: float) -> float:
    """Quantile below the mean of the distribution, by bisection."""
    low, high = 0.0, degrees_of_freedom
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        if _log_lower_tail(degrees_of_freedom / 2.0, middle / 2.0) < log(probability):
            low = middle
        else:
            high = middle
    return low


def _log_lower_tail(a: float, x: float) -> float:
    """Logarithm of the regularised incomplete gamma function P(a, x) for x <= a.

    ``x^a exp(-x) / Gamma(a + 1) (1 + x/(a+1) + x^2/((a+1)(a+2)) + ...)``; later terms are below 1e-17.
    """
    if x == 0.0:
        return -inf
    terms = np.cumprod(x / (a + np.arange(1.0, 10.0 * sqrt(a) + 100.0)))
    return a * log(x) - x - lgamma(a + 1.0) + log(1.0 + float(terms.sum()))
