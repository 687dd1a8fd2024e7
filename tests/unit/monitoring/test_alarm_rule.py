"""How alpha is divided, and which sizes matter."""

from __future__ import annotations

from typing import Any

import pytest

from linear_regressor.errors import SettingError
from linear_regressor.monitoring.alarm_rule import AlarmRule


def test_alpha_is_divided_among_the_tests() -> None:
    """0.025 + 0.020 + 0.005."""
    rule = AlarmRule()
    assert (rule.line_threshold, rule.coverage_threshold) == pytest.approx((40.0, 50.0))
    assert rule.uncertainty == pytest.approx(0.005)
    assert rule.threshold_of(7) == pytest.approx(140.0)
    parts = 1 / rule.line_threshold + 1 / rule.coverage_threshold + rule.uncertainty
    assert parts == pytest.approx(rule.alpha)


def test_all_models_of_a_system_share_alpha() -> None:
    """The alphas of the first 100,000 models add up to nearly all of it, never more."""
    alphas = [AlarmRule(generation=m).model_alpha for m in range(1, 100_001)]
    assert alphas[:2] == pytest.approx([0.025, 0.05 / 6])
    assert 0.0499 < sum(alphas) < 0.05


@pytest.mark.parametrize("setting", [{"alpha": 0.0}, {"alpha": 1.0}, {"alpha": float("nan")}, {"generation": 0},
                                     {"effect": -1.0}, {"outside_effect": float("nan")}])
def test_rules_that_make_no_sense_are_rejected(setting: dict[str, Any]) -> None:
    """Alpha between 0 and 1, models from 1, sizes from 0."""
    with pytest.raises(SettingError):
        AlarmRule(**setting)
