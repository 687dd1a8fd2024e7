"""``benchmark.py drift``: its streams, its counting and its own versions of other detectors."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks import drift, drift_rivals
from benchmarks.drift_streams import CHANGE, ROWS, Change, Errors, Setting, simulate

Array = NDArray[np.float64]


@pytest.mark.parametrize("errors", ["normal", "t5", "exponential", "growing variance", "AR(0.3)"])
def test_all_errors_have_mean_0_and_standard_deviation_1(errors: Errors) -> None:
    """So that one effect size means the same everywhere."""
    streams = next(simulate(Setting(errors=errors), 50, 1))
    residual = streams.y - streams.X.sum(-1)
    assert residual.mean() == pytest.approx(0.0, abs=0.02)
    assert residual.std() == pytest.approx(1.0, rel=0.05)


def test_changes_begin_at_their_row() -> None:
    """Each of its kind and size, and nothing before."""
    kinds: list[Change] = ["nothing", "mean", "slope", "variance", "correlation", "covariate shift"]
    streams = {change: next(simulate(Setting(2, change=change), 50, 1)) for change in kinds}
    plain = streams["nothing"]
    for changed in streams.values():
        assert np.array_equal(changed.y[:, :CHANGE], plain.y[:, :CHANGE])
        assert np.array_equal(changed.X[:, :CHANGE], plain.X[:, :CHANGE])
    after = slice(CHANGE, None)
    residual = {name: changed.y[:, after] - changed.X[:, after].sum(-1) for name, changed in streams.items()}
    assert residual["mean"] - residual["nothing"] == pytest.approx(np.full((50, ROWS - CHANGE), 0.3))
    assert residual["slope"] - residual["nothing"] == pytest.approx(0.3 * plain.X[:, after, 0])
    assert residual["variance"] == pytest.approx(1.3 * residual["nothing"])
    both = streams["correlation"].X[:, after].reshape(-1, 2)
    assert float(stats.pearsonr(both[:, 0], both[:, 1]).statistic) == pytest.approx(0.3, abs=0.02)
    assert both.std(axis=0) == pytest.approx([1.0, 1.0], abs=0.02)


def test_a_change_is_found_and_a_small_sample_is_counted() -> None:
    """Four runs each: of the line beside other detectors, and of the inputs."""
    found = {row.detector: row for row in drift.measure(Setting(change="slope"), 4)}
    assert list(found) == ["line", "coverage", "line or coverage", "Page-Hinkley, tuned", "KSWIN, tuned",
                           "KS, 500-row windows, tuned"]
    assert found["line"].found == 1.0 and (found["line"].delay or 0) < 1500
    inputs = {row.detector: row for row in drift.measure(Setting(2, change="correlation", inputs=True), 4)}
    assert inputs["correlations"].found == inputs["any of the inputs"].found == 1.0
    models = {row.detector: row for row in drift.measure(Setting(models=5), 4)}
    assert models["line"].found is None and models["line"].runs == 4


def test_rates_have_exact_intervals() -> None:
    """Of Clopper and Pearson; alarms before the change are false, later ones are delays."""
    first = np.array([900.0] * 3 + [1300.0] * 50 + [float(drift.NEVER)] * 47)
    row = drift._outcome(Setting(change="mean"), "line", first)
    exact = stats.binomtest(3, 100).proportion_ci(method="exact")
    assert (row.false_alarms, row.found, row.delay, row.held) == (0.03, 0.5, 300.0, True)
    assert (row.lowest, row.highest) == pytest.approx((exact.low, exact.high))
    many = drift._outcome(Setting(), "line", np.array([10.0] * 20 + [float(drift.NEVER)] * 80))
    assert many.held is False and "over alpha" in drift.as_table([many])
    assert drift._outcome(Setting(claimed=False), "line", first).held is None
    assert json.loads(drift.as_json([row]))["outcomes"][0]["delay"] == 300.0
    assert drift.as_table([replace(row, delay=1234.0)]).splitlines()[-1].endswith("| 0.50 | 1,234 |")


def test_page_hinkley_is_that_of_its_definition(random: np.random.Generator) -> None:
    """Value by value, of one run."""
    x = random.normal(size=200) + np.repeat([0.0, 1.0], 100)
    path, step = drift_rivals.page_hinkley(x[None], 0.05)
    total, low, high, lowest, highest = 0.0, 0.0, 0.0, np.inf, -1.0
    for row, value in enumerate(x):
        total += value
        deviation = value - total / (row + 1)
        low, high = 0.9999 * low + deviation - 0.05, 0.9999 * high + deviation + 0.05
        lowest, highest = min(lowest, low), max(highest, high)
        assert path[0, row] == pytest.approx(0.0 if row < 29 else max(low - lowest, highest - high), abs=1e-9)
    assert step == 1


def test_the_kolmogorov_smirnov_distance_is_scipys(random: np.random.Generator) -> None:
    """Of samples of equal size."""
    a, b = random.normal(size=(2, 20, 30))
    expected = [stats.ks_2samp(left, right).statistic for left, right in zip(a, b, strict=True)]
    assert drift_rivals._distance(a, b) == pytest.approx(np.array(expected))


def test_detectors_are_tuned_to_alpha(random: np.random.Generator) -> None:
    """Of unchanged streams, alpha have an alarm; of the changed ones, most."""
    unchanged = random.normal(size=(200, 2, 2000))
    changed = random.normal(size=(200, 2, 2000))
    changed[:, 0, 1000:] += 0.5
    detector = drift_rivals.DETECTORS["Page-Hinkley"][2]
    assert (drift_rivals._first_alarm(detector, unchanged, unchanged, 0.1) <= 2000).mean() <= 0.1
    first = drift_rivals._first_alarm(detector, changed, unchanged, 0.1)
    assert np.median(first) == pytest.approx(1100, abs=100)
