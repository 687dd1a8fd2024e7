"""``TrafficMetrics``: what Prometheus sees of the recorded traffic; no value of a row can be computed from it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.monitoring.traffic import TrafficSummary
from linear_regressor.monitoring.traffic_file import TrafficFile

Array = NDArray[np.float64]

# A histogram has up to 17 series for each feature.
MOST_FEATURES = 50
SECONDS = 3600.0
# Means of fewer rows, or with more digits, would show how a single row has changed them.
LEAST_ROWS, DIGITS = 100, 2


class TrafficMetrics(Collector):
    """Traffic of the served model, merged over all workers."""

    def __init__(self, artefact: Artefact, traffic: TrafficFile) -> None:
        self._artefact, self._traffic = artefact, traffic
        self._version = artefact.digest[:12]

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        summary = self._traffic.summary
        rows = CounterMetricFamily("traffic_recorded_rows", "Rows recorded for monitoring, at most 128 of a request.",
                                   labels=("model_version",))
        rows.add_metric((self._version,), summary.n)
        yield rows
        if self._traffic.outside is not None:
            outside = CounterMetricFamily("traffic_out_of_range_rows", "Recorded rows out of the range of the training "
                                          "data.", labels=("model_version",))
            outside.add_metric((self._version,), self._traffic.outside)
            yield outside
        yield self._histograms(summary)
        latest = self._traffic.series.since(time.time() - SECONDS)
        if latest is not None and latest.n >= LEAST_ROWS and self._traffic.features:
            yield from self._moved(latest)

    def _histograms(self, summary: TrafficSummary) -> Metric:
        """Count recorded rows in the bins of training; bounds are shares of its rows, since its values are private."""
        family = HistogramMetricFamily("traffic_feature_rank", "Recorded rows by the share of training rows with a "
                                       "smaller value of the feature.", labels=("feature",))
        profile = self._artefact.profile
        usual = profile.counts if profile is not None else tuple(each.counts for each in summary.histograms)
        features = self._traffic.features[:MOST_FEATURES]
        for name, then, now in zip(features, usual, summary.histograms, strict=False):
            bounds = [repr(round(below, 4)) for below in (np.cumsum(then[:-1]) / max(then.sum(), 1)).tolist()]
            buckets = dict(zip([*bounds, "+Inf"], np.cumsum(now.counts).tolist(), strict=True))
            family.add_metric((name,), buckets=list(buckets.items()), sum_value=None)
        return family

    def _moved(self, latest: TrafficSummary) -> Iterator[Metric]:
        """Compare means and standard deviations of at least the latest hour with those of training."""
        training, n = self._artefact.moments, self._artefact.moments.n
        now, W = latest.moments, self._artefact.W
        deviation = np.sqrt(training.A.diagonal() / n)
        shift = _ratio(now.m - training.x_mean, deviation)
        spread = _ratio(np.sqrt(now.C.diagonal() / latest.n), deviation)
        for name, text, values in (
                ("traffic_feature_shift", "Mean of recorded rows minus mean of training, in standard deviations of "
                 "training; at least the latest hour.", shift),
                ("traffic_feature_spread", "Standard deviation of recorded rows, divided by that of training; at least "
                 "the latest hour.", spread)):
            family = GaugeMetricFamily(name, text, labels=("feature",))
            for feature, value in list(zip(self._traffic.features, values.tolist(), strict=True))[:MOST_FEATURES]:
                if np.isfinite(value):
                    family.add_metric((feature,), round(value, DIGITS))
            yield family
        mean, sd = latest.predictions(W, self._artefact.b)
        usual = np.sqrt(max(float(W @ training.A @ W), 0.0) / n)
        yield from (GaugeMetricFamily(name, text, round(value, DIGITS)) for name, text, value in (
            ("traffic_prediction_shift", "Mean prediction minus that of the training rows, in standard deviations of "
             "the latter; at least the latest hour.", float(_ratio(np.array(mean - self._training_mean), usual))),
            ("traffic_prediction_spread", "Standard deviation of predictions, divided by that of the training rows; at "
             "least the latest hour.", float(_ratio(np.array(sd), usual)))) if np.isfinite(value))

    @property
    def _training_mean(self) -> float:
        """Mean prediction of the training rows."""
        return float(self._artefact.W @ self._artefact.moments.x_mean + self._artefact.b)


def _ratio(values: Array, unit: Array | float) -> Array:
    """Divide, with NaN for a feature that does not vary in training."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio: Array = np.where(np.asarray(unit) > 0, values / unit, np.nan)
    return ratio
