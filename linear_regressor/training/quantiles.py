"""The quantiles that intervals and range flags need, as a small table, so that the server needs no SciPy."""

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
