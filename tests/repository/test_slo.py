"""docs/slo.md, the alerts and the code have the objectives of infra/service.json."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from linear_regressor.serving.observability.metrics import SECONDS
from tests import ROOT

OBJECTIVES: dict[str, Any] = json.loads((ROOT / "infra" / "service.json").read_text(encoding="utf-8"))["objectives"]
ALERTS = (ROOT / "infra" / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "slo.md").read_text(encoding="utf-8")
BUDGETS = {"error_ratio": 1 - OBJECTIVES["availability"], "slow_ratio": 1 - OBJECTIVES["latency"]["share"]}
ALERTS_OF = {"error_ratio": "ErrorBudget", "slow_ratio": "LatencyBudget"}
HOURS = {"m": 1 / 60, "h": 1.0, "d": 24.0}


def table(first: str) -> list[list[str]]:
    """Return the cells of the table whose heading begins with a word."""
    (found,) = re.findall(rf"^\| {first} .*\n\|---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()]


def percent(share: float) -> str:
    """Write a share as the page does."""
    return f"{100 * share:.6g} %"


def hours(window: str) -> float:
    """Length of a window of PromQL."""
    return float(window[:-1]) * HOURS[window[-1]]


@pytest.mark.parametrize("kind", BUDGETS)
@pytest.mark.parametrize(("severity", "name"), [("page", "Fast"), ("ticket", "Slow")])
def test_alerts_burn_at_the_rates_of_the_file_over_its_windows(kind: str, severity: str, name: str) -> None:
    """Each threshold is a burn rate times the budget that the objective leaves."""
    (rule,) = re.findall(rf"alert: LinearRegressor{ALERTS_OF[kind]}Burns{name}\n(.*?)(?=- alert|\Z)", ALERTS, re.DOTALL)
    ratio = rf"linear_regressor:{kind}:rate(\w+) > ([\d.]+)"
    found = re.findall(rf"\({ratio} and {ratio}\)", rule)
    expected = [(burn["long"], burn["short"], round(burn["rate"] * BUDGETS[kind], 6)) for burn in OBJECTIVES["burn"]
                if burn["severity"] == severity]

    assert expected == [(long, short, float(over)) for long, over, short, _ in found]
    assert all(over == again for _, over, _, again in found)
    assert f"severity: {severity}" in rule


def test_the_latency_bound_is_a_bucket_of_the_histogram() -> None:
    """In the rules, and in what the service counts."""
    seconds = OBJECTIVES["latency"]["seconds"]

    assert {str(seconds)} == set(re.findall(r'le="([\d.]+)"', ALERTS))
    assert seconds in SECONDS
    assert f"Objectives over {OBJECTIVES['days']} days" in ALERTS


def test_the_page_has_the_objectives_and_their_budgets() -> None:
    """Targets, shares, requests of a million and time."""
    availability, latency = table("objective")
    days, seconds = OBJECTIVES["days"], OBJECTIVES["latency"]["seconds"]
    errors, slow = BUDGETS["error_ratio"], BUDGETS["slow_ratio"]
    minutes = round(slow * days * 24 * 60)

    assert availability[2:5] == [f"{percent(OBJECTIVES['availability'])} in {days} days", percent(errors),
                                 f"{errors * 1e6:,.0f}"]
    assert latency[2:5] == [f"{percent(OBJECTIVES['latency']['share'])} in {days} days", percent(slow),
                            f"{slow * 1e6:,.0f}"]
    assert f"{errors * days * 24 * 60:.0f} min without any answer" == availability[5]
    assert f"{minutes // 60} h {minutes % 60} min of slow answers" == latency[5]
    assert f"within {seconds} s" in latency[1]


def test_the_page_has_the_alerts_and_what_follows_from_them() -> None:
    """Every cell is computed."""
    total = OBJECTIVES["days"] * 24
    expected = [[burn["severity"], f"{burn['rate']:g}", f"{burn['long']} and {burn['short']}",
                 percent(burn["rate"] * BUDGETS["error_ratio"]), percent(burn["rate"] * BUDGETS["slow_ratio"]),
                 percent(burn["rate"] * hours(burn["long"]) / total),
                 f"{burn['rate'] * BUDGETS['error_ratio'] * hours(burn['long']) * 3600:.0f} s",
                 f"{total / burn['rate']:.0f} h"] for burn in OBJECTIVES["burn"]]

    assert expected == table("severity")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)")
def test_the_query_tells_what_is_left_of_the_budget(tmp_path: Path) -> None:
    """Of 10,000 requests 4 failed, and 10 may."""
    (query,) = re.findall(r"```promql\n(.*?)```", PAGE, re.DOTALL)
    series = 'http_requests_total{{job="linear-regressor", route="{route}", method="POST", code="{code}"}}'
    inputs = [{"series": series.format(route="/stream", code="200"), "values": "0+2499x4"},
              {"series": series.format(route="/stream", code="500"), "values": "0+1x4"},
              {"series": series.format(route="/health/ready", code="503"), "values": "0+500x4"}]
    expected = {"expr": f"round(100 * ({query}))", "eval_time": "4h", "exp_samples": [{"labels": "{}", "value": 60}]}
    tests = {"evaluation_interval": "1h",
             "tests": [{"interval": "1h", "input_series": inputs, "promql_expr_test": [expected]}]}
    (tmp_path / "tests.yml").write_text(json.dumps(tests), encoding="utf-8")
    done = subprocess.run(["promtool", "test", "rules", str(tmp_path / "tests.yml")], capture_output=True, text=True)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert f"/ {BUDGETS['error_ratio']:.6g}\n" in query
    assert f"[{OBJECTIVES['days']}d]" in query
