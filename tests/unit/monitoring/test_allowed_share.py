"""The allowed share of rows outside their intervals, beside SciPy's quantiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from linear_regressor import Moments
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.allowed_share import chi_squared_quantile, highest_outside_share
from linear_regressor.monitoring.feedback_report import allowed_share
from linear_regressor.training import config
from tests.applications import artefact_of


@pytest.mark.parametrize("degrees_of_freedom", [1.0, 2.0, 20.0, 351.0, 1e5])
@pytest.mark.parametrize("uncertainty", [0.005, 0.005 / 110, 1e-6])
def test_the_share_is_the_one_of_training(degrees_of_freedom: float, uncertainty: float) -> None:
    """For any alpha and generation."""
    t = float(special.stdtrit(degrees_of_freedom, 0.95))
    expected = config.highest_outside_share(degrees_of_freedom, uncertainty)

    assert highest_outside_share(degrees_of_freedom, t, uncertainty) == pytest.approx(expected, rel=1e-9)
    assert (chi_squared_quantile(degrees_of_freedom, uncertainty)
            == pytest.approx(float(special.chdtri(degrees_of_freedom, 1.0 - uncertainty)), rel=1e-8))


def test_a_share_of_1_is_no_limit() -> None:
    """So few rows and so small a probability withhold the test."""
    model = artefact_of(1)
    model = replace(model, moments=Moments.from_arrays(np.arange(3.0)[:, None], np.array([0.0, 1.0, 0.0])),
                    quantiles=config.quantile_table(3, 1))
    assert allowed_share(model, AlarmRule(generation=10 ** 9)) is None
    share = allowed_share(model, AlarmRule())
    assert share is not None and 0.9 < share < 1.0


def test_later_generations_may_miss_more_rows() -> None:
    """A smaller probability of a false alarm needs a higher share."""
    shares = [highest_outside_share(100.0, 1.66, 0.005 / (m * (m + 1))) for m in range(1, 6)]
    assert sorted(shares) == shares and shares[0] < shares[-1]
