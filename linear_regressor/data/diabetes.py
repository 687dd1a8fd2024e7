"""scikit-learn's diabetes set: 442 patients, ten features scaled to mean 0 and length 1, a score a year later."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.datasets import load_diabetes

from linear_regressor.data.dataset import Dataset
from linear_regressor.errors import SettingError

TARGET = "disease_progression"


def read(features: Sequence[str]) -> Dataset:
    """Read the set with these features only, in this order.

    Parameters
    ----------
    features : sequence of str
        Names out of age, sex, bmi, bp, s1, ..., s6; at least one, none twice.

    Returns
    -------
    Dataset
        442 rows.

    Raises
    ------
    SettingError
        If a feature is unknown or named twice, or none is named.

    Examples
    --------
    >>> read(["bmi", "bp"]).X.shape
    (442, 2)

    References
    ----------
    B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, "Least Angle Regression", Annals of Statistics 32, 2004.
    """
    bunch = load_diabetes()
    known = list(bunch.feature_names)
    _check(features, known)
    columns = [known.index(name) for name in features]
    return Dataset(bunch.data[:, columns], bunch.target, tuple(features), TARGET)


def _check(features: Sequence[str], known: list[str]) -> None:
    """Refuse names the set does not have, names given twice, and no names at all."""
    unknown = [name for name in features if name not in known]
    if unknown or not features:
        wrong = f"{unknown[0]!r} is not one" if unknown else "none was named"
        raise SettingError(f"features must be of {', '.join(known)}: {wrong}")
    twice = [name for name in features if features.count(name) > 1]
    if twice:
        raise SettingError(f"feature {twice[0]!r} is named twice")
