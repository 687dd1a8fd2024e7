"""Other detectors of drift, tuned on unchanged streams to the same rate of false alarms.

Page-Hinkley (E. S. Page 1954) and KSWIN (C. Raab, M. Heusinger, F.-M. Schleif 2020) follow river's definitions, for all
runs at once; their statistics are compared with a threshold that unchanged streams exceed in a share of alpha. ADWIN
(A. Bifet, R. Gavaldà 2007) is river's own, in an environment that has river.
"""

from __future__ import annotations

import json
import subprocess  # nosec B404  # starts only our script
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

# Rows between two tests of KSWIN, and of a window of SciPy's test.
KSWIN_STEP, KS_WINDOW = 10, 500
ADWIN_SCRIPT = Path(__file__).with_name("drift_adwin.py")

# A detector returns a statistic per row, shape (runs, tests), and the rows between two tests.
Detector = Callable[[Array], tuple[Array, int]]


def page_hinkley(x: Array, tolerance: float) -> tuple[Array, int]:
    """Page-Hinkley test in both directions; ``tolerance`` is the deviation that is not added up."""
    mean, low, high = (np.zeros(len(x)) for _ in range(3))
    lowest, highest, path = np.full(len(x), np.inf), np.full(len(x), -1.0), np.zeros(x.shape)
    for row in range(x.shape[1]):
        mean += (x[:, row] - mean) / (row + 1)
        deviation = x[:, row] - mean
        low = 0.9999 * low + deviation - tolerance
        high = 0.9999 * high + deviation + tolerance
        lowest, highest = np.minimum(lowest, low), np.maximum(highest, high)
        if row >= 29:
            path[:, row] = np.maximum(low - lowest, highest - high)
    return path, 1


def kswin(x: Array, window: int, newest: int) -> tuple[Array, int]:
    """KSWIN: the newest rows of a window against as many random ones of its others."""
    generator, tests = np.random.default_rng(0), range(KSWIN_STEP, x.shape[1] + 1, KSWIN_STEP)
    path = np.zeros((len(x), len(tests)))
    for place, end in enumerate(tests):
        if end >= window:
            old = end - window + generator.choice(window - newest, newest, replace=False)
            path[:, place] = _distance(x[:, old], x[:, end - newest:end])
    return path, KSWIN_STEP


def _distance(a: Array, b: Array) -> Array:
    """Kolmogorov-Smirnov distance of samples of equal size."""
    n = a.shape[1]
    order = np.concatenate([a, b], axis=1).argsort(axis=1)
    steps = np.where(order < n, 1.0, -1.0).cumsum(axis=1)
    distance: Array = np.abs(steps).max(axis=1) / n
    return distance


def ks_windows(x: Array) -> tuple[Array, int]:
    """SciPy's test of each window of 500 rows against the first one: ``-log p``."""
    parts = x.reshape(len(x), -1, KS_WINDOW)
    path = np.zeros(parts.shape[:2])
    for run, windows in enumerate(parts):
        for place in range(1, len(windows)):
            p = stats.ks_2samp(windows[place], windows[0], method="asymp").pvalue
            path[run, place] = -np.log(max(float(p), 1e-300))
    return path, KS_WINDOW


DETECTORS: dict[str, list[Detector]] = {
    "Page-Hinkley": [partial(page_hinkley, tolerance=tolerance) for tolerance in (0.005, 0.05, 0.15)],
    "KSWIN": [partial(kswin, window=window, newest=newest) for window, newest in ((100, 30), (1000, 300))],
    "KS, 500-row windows": [ks_windows],
}


def first_alarms(signals: Array, tuning: Array, alpha: float, change: int, river: Path | None) -> dict[str, Array]:
    """Row of the first alarm of each run, by the variant of each detector that found most changes.

    Both arguments have the shape (runs, signals, rows); an alarm on any signal counts, each tuned to its share of
    alpha. Choosing the variant afterwards favours the others.
    """
    found = {}
    for name, variants in DETECTORS.items():
        found[f"{name}, tuned"] = max((_first_alarm(variant, signals, tuning, alpha) for variant in variants),
                                      key=partial(_power, change=change, rows=signals.shape[2]))
    if river is not None:
        found["ADWIN, tuned"] = adwin(signals, tuning, alpha, river)
    return found


def _first_alarm(detector: Detector, signals: Array, tuning: Array, alpha: float) -> Array:
    """Row of the first alarm of each run on any signal; one more than all rows for none."""
    runs, count, rows = signals.shape
    first = np.full(runs, rows + 1.0)
    for place in range(count):
        threshold = np.quantile(detector(tuning[:, place])[0].max(axis=1), 1.0 - alpha / count)
        path, step = detector(signals[:, place])
        over = path > threshold
        first = np.minimum(first, np.where(over.any(axis=1), (over.argmax(axis=1) + 1.0) * step, rows + 1.0))
    return first


def _power(first: Array, change: int, rows: int) -> tuple[int, float]:
    """Number of found changes, then the negative delay."""
    after = first[(first > change) & (first <= rows)]
    return len(after), -float(np.median(after)) if len(after) else 0.0


def adwin(signals: Array, tuning: Array, alpha: float, river: Path) -> Array:
    """River's ADWIN with the most sensitive parameter at which at most alpha of the unchanged runs have an alarm."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "signals.npz")
        np.savez(path, signals=signals, tuning=tuning, alpha=alpha)
        done = subprocess.run(  # nosec B603  # our script and file, no shell
            [river, ADWIN_SCRIPT, path], capture_output=True, text=True, check=True)
    return np.array(json.loads(done.stdout), dtype=np.float64)
