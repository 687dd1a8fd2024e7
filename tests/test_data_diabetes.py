"""scikit-learn's diabetes data set."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from linear_regressor.data.dataset import read_diabetes
from linear_regressor.errors import SettingError


def test_features_come_in_the_requested_order() -> None:
    """Columns are scikit-learn's, found by name."""
    X, y = load_diabetes(return_X_y=True)

    data = read_diabetes(["s5", "bmi"])

    np.testing.assert_array_equal(X[:, [8, 2]], data.X)
    np.testing.assert_array_equal(y, data.y)
    assert ("s5", "bmi") == data.features


@pytest.mark.parametrize(("features", "message"), [
    (["bmi", "height"], "features must be some of age, sex, bmi, bp, s1, s2, s3, s4, s5, s6: 'height' is not one"),
    ([], "there are none"),
    (["bmi", "bp", "bmi"], "feature 'bmi' is named twice"),
], ids=["unknown", "none", "twice"])
def test_invalid_features_are_rejected(features: list[str], message: str) -> None:
    """The message names the invalid feature and those that exist."""
    with pytest.raises(SettingError, match=message):
        read_diabetes(features)
