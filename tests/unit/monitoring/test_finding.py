"""Findings: when they are alarms, and what they advise."""

from __future__ import annotations

from dataclasses import replace
from math import inf, log
from typing import Any

import pytest

from linear_regressor.monitoring.finding import Finding

CHANGED = Finding("line", "progression", 12.0, "units", 5.0, log(50.0), 40.0, 101, (51, 201), None, "Retrain.")


@pytest.mark.parametrize(("change", "certain", "alarm", "advice"), [
    ({}, True, True, "Retrain."),
    ({"log_e": log(39.9)}, False, False, "Nothing to do."),
    ({"log_e": log(40.0)}, True, True, "Retrain."),
    ({"size": 4.9}, True, False, "Nothing to do: the change is certain but smaller than 5 units."),
    ({"size": None}, True, False, "Nothing to do: the change is certain but smaller than 5 units."),
    ({"withheld": "too few rows"}, False, False, "Nothing can be said: too few rows."),
    ({"log_e": None}, False, False, "Only the size is known: wait for evidence from later rows before you act."),
    ({"log_e": None, "size": 1.0}, False, False, "Nothing to do."),
])
def test_an_alarm_is_certain_and_large(change: dict[str, Any], certain: bool, alarm: bool, advice: str) -> None:
    """And every finding says what to do, in one sentence."""
    finding = replace(CHANGED, **change)
    assert (finding.certain, finding.alarm, finding.advice) == (certain, alarm, advice)


def test_e_values_beyond_float64_are_infinite() -> None:
    """Their logarithms are kept."""
    assert CHANGED.e_value == pytest.approx(50.0)
    assert replace(CHANGED, log_e=1e6).e_value == inf
    assert replace(CHANGED, log_e=None).e_value is None
