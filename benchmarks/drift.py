"""False alarms and detection delays of the tests of drift, beside other detectors on the same streams."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special
from threadpoolctl import threadpool_limits

from benchmarks import drift_rivals
from benchmarks.drift_streams import (
    CHANGE,
    ROWS,
    Setting,
    Streams,
    in_blocks,
    moments_of,
    simulate,
)
from linear_regressor.model.histogram import Histogram, coarse_starts
from linear_regressor.monitoring import coverage_change, mean_change, shape_change
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.change_point import log_mixture
from linear_regressor.monitoring.concept import line_path, looks
from linear_regressor.monitoring.line_change import LineTest
from linear_regressor.monitoring.moment_stack import MomentStack
from linear_regressor.training.config import highest_outside_share

Array = NDArray[np.float64]

ALPHA = 0.05
SEED = 20_260_101
NEVER = ROWS + 1  # row of an alarm that was not raised
# equal shares of the normal distribution, as training would find them
BIN_EDGES = special.ndtri(np.arange(1, 16) / 16)
OURS = ("line", "coverage", "line or coverage", "means", "correlations", "shapes", "any of the inputs")

STATIONARY = [Setting(p, training, errors) for p in (1, 10) for training in (353, 5000, 100_000)
              for errors in ("normal", "t5", "exponential")]
OTHERS = [Setting(1, change="covariate shift"), Setting(10, change="covariate shift"), Setting(1, models=5),
          Setting(10, models=5), Setting(3, inputs=True), Setting(3, errors="exponential", inputs=True)]
LIMITS = [Setting(1, errors=errors, claimed=False) for errors in ("growing variance", "AR(0.3)")]
CHANGES = [*(Setting(p, change=change) for p in (1, 10) for change in ("mean", "slope", "variance")),
           Setting(2, change="correlation", inputs=True)]
QUICK = [Setting(1), Setting(1, errors="exponential"), Setting(1, change="mean"), Setting(1, change="variance")]


@dataclass(frozen=True)
class Outcome:
    """One row of the table: how often a detector raised an alarm, and when."""

    setting: str
    detector: str
    runs: int
    # share of the runs with an alarm before the change, or at any time if there is none, with its 95 % interval
    false_alarms: float
    lowest: float
    highest: float
    # share of the runs whose first alarm came after the change, and the median delay in rows; None without a change
    found: float | None
    delay: float | None
    # whether the false alarms agree with alpha; None where they are not claimed to
    held: bool | None


def outcomes(quick: bool, river: Path | None) -> Iterator[Outcome]:
    """Simulate all settings on all processors; yield the outcomes in the order of the table."""
    settings = QUICK if quick else [*STATIONARY, *OTHERS, *LIMITS, *CHANGES]
    runs = 100 if quick else 1000
    # Forked processes would inherit the threads of the linear algebra library.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for found in pool.map(partial(measure, runs=runs, river=river), settings):
            yield from found


def measure(setting: Setting, runs: int, river: Path | None = None) -> list[Outcome]:
    """Simulate one setting."""
    with threadpool_limits(1):
        alarms: dict[str, list[Array]] = {}
        signals: list[Array] = []
        for streams in simulate(setting, runs, SEED):
            for name, first in (_inputs(setting, streams) if setting.inputs else _concept(setting, streams)).items():
                alarms.setdefault(name, []).append(first)
            if _has_rivals(setting):
                signals.append(_signals(setting, streams))
        found = {name: np.concatenate(parts) for name, parts in alarms.items()}
        if signals:
            tuning = np.concatenate([_signals(setting, streams) for streams in
                                     simulate(_unchanged(setting), runs, SEED + 1)])
            found |= drift_rivals.first_alarms(np.concatenate(signals), tuning, ALPHA, CHANGE, river)
    return [_outcome(setting, name, first) for name, first in found.items()]


def _has_rivals(setting: Setting) -> bool:
    """Whether other detectors are measured: where there is a change."""
    return setting.change in ("mean", "slope", "variance", "correlation")


def _unchanged(setting: Setting) -> Setting:
    """The same setting without its change."""
    return Setting(setting.p, setting.training, setting.errors, inputs=setting.inputs)


def _concept(setting: Setting, streams: Streams) -> dict[str, Array]:
    """Row of the first alarm of each run, for the line, its intervals, and either of them."""
    line, coverage = (np.full(len(streams.y), float(NEVER)) for _ in range(2))
    reference, rows = streams.training, ROWS // setting.models
    for model in range(setting.models):
        part = slice(model * rows, (model + 1) * rows)
        X, y = streams.X[:, part], streams.y[:, part]
        rule = AlarmRule(ALPHA, model + 1 if model else None)
        groups = moments_of(in_blocks(X, setting.look), in_blocks(y, setting.look))
        line = np.minimum(line, _first(line_path(reference, groups), rule.line_threshold, setting.look, part.start))
        path = _coverage_path(reference, X, y, setting.look, rule)
        coverage = np.minimum(coverage, _first(path, rule.coverage_threshold, setting.look, part.start))
        reference = reference + moments_of(X, y)
    return {"line": line, "coverage": coverage, "line or coverage": np.minimum(line, coverage)}


def _first(path: Array, threshold: float, look: int, start: int = 0) -> Array:
    """Row of each run's first look at which its evidence has reached the threshold; looks are the first axis."""
    over = path >= np.log(threshold)
    return np.where(over.any(axis=0), start + (over.argmax(axis=0) + 1.0) * look, float(NEVER))


def _coverage_path(reference: MomentStack, X: Array, y: Array, look: int, rule: AlarmRule) -> Array:
    """Evidence of the rows outside their 90 % intervals after each look."""
    test = LineTest.of(reference)
    freedom = float(reference.n[0] - reference.columns)
    d = X - reference.m[:, None, :-1]
    residual = y - reference.m[:, None, -1] - (d @ test.W[..., None])[..., 0]
    leverage = (1.0 + ((d @ test.basis) ** 2).sum(-1)) / reference.n[:, None]
    half = special.stdtrit(freedom, 0.95) * np.sqrt(test.rss / freedom)[:, None] * np.sqrt(1.0 + leverage)
    outside = in_blocks(np.abs(residual) > half, look).sum(-1)
    highest = highest_outside_share(freedom, rule.uncertainty)
    path = []
    after = np.zeros((0, outside.shape[1]), dtype=np.int64)
    for t in range(1, len(outside) + 1):
        after = np.concatenate([after + outside[t - 1], outside[t - 1:t]])
        path.append(log_mixture(np.stack([_coverage_table((t - j) * look, highest)[after[j]] for j in range(t)])))
    return np.stack(path)


@cache
def _coverage_table(rows: int, highest: float) -> Array:
    """Evidence of each number of rows outside their intervals."""
    return coverage_change.log_e(np.arange(rows + 1.0), np.full(rows + 1, float(rows)), highest)


def _inputs(setting: Setting, streams: Streams) -> dict[str, Array]:
    """Row of the first alarm of each run, for each kind of test of the inputs, and any of them."""
    p, look = setting.p, setting.look
    reference, groups = moments_of(streams.first), moments_of(in_blocks(streams.X, look))
    threshold = AlarmRule(ALPHA).threshold_of(1 + p + (p if p > 1 else 0))
    before, after = groups.before_each(reference), looks(groups)
    means = np.stack([log_mixture(mean_change.log_e(before[:len(part)], part)) for part in after])
    found = {"means": _first(means, threshold, look)}
    orders = [[*(i for i in range(p) if i != place), place] for place in range(p)]
    paths = [line_path(reference.select(order), groups.select(order)) for order in orders if p > 1]
    found["correlations"] = _first(np.max(paths, axis=0), threshold, look)
    shapes = [[_shape_path(streams.first[run, :, place], streams.X[run, :, place], look) for place in range(p)]
              for run in range(len(streams.X))]
    found["shapes"] = _first(np.max(shapes, axis=1).T, threshold, look)
    return found | {"any of the inputs": np.minimum.reduce(list(found.values()))}


def _shape_path(first: Array, later: Array, look: int) -> Array:
    """Evidence of a changed distribution after each look, over the bins of the model and of its first traffic."""
    fine = Histogram.of(first, BIN_EDGES)
    starts = coarse_starts(fine.counts)
    parts = [Histogram.of(part, BIN_EDGES).merged(starts).counts for part in later.reshape(-1, look)]
    counts = np.array(parts, dtype=np.float64)
    before = np.cumsum([fine.merged(starts).counts, *parts], axis=0, dtype=np.float64)
    after = np.zeros((0, counts.shape[1]))
    path = []
    for t in range(1, len(counts) + 1):
        after = np.concatenate([after + counts[t - 1], counts[t - 1:t]])
        path.append(float(log_mixture(shape_change.log_e(before[:t], after))))
    return np.array(path)


def _signals(setting: Setting, streams: Streams) -> Array:
    """What the other detectors see, shape (runs, signals, rows): features, or residuals and their absolute values."""
    if setting.inputs:
        return np.swapaxes(streams.X, 1, 2)
    test, m = LineTest.of(streams.training), streams.training.m
    residual = streams.y - m[:, None, -1] - ((streams.X - m[:, None, :-1]) @ test.W[..., None])[..., 0]
    residual /= np.sqrt(test.rss / (streams.training.n - test.k))[:, None]
    return np.stack([residual, np.abs(residual)], axis=1)


def _outcome(setting: Setting, detector: str, first: Array) -> Outcome:
    """Count false alarms and found changes."""
    changes = setting.change not in ("nothing", "covariate shift")
    runs, last = len(first), CHANGE if changes else ROWS
    false = int((first <= last).sum())
    lowest = float(special.betaincinv(false, runs - false + 1, 0.025)) if false else 0.0
    highest = float(special.betaincinv(false + 1, runs - false, 0.975)) if false < runs else 1.0
    after = first[(first > last) & (first < NEVER)]
    ours = detector in OURS
    return Outcome(setting.name, detector, runs, false / runs, lowest, highest, len(after) / runs if changes else None,
                   float(np.median(after)) - CHANGE if changes and len(after) else None,
                   lowest <= ALPHA if ours and setting.claimed else None)


def as_table(found: Sequence[Outcome]) -> str:
    """Format outcomes as a table in Markdown."""
    lines = ["| setting | detector | false alarms (95 % interval) | found | median delay, rows |",
             "|---|---|---|---|---|"]
    for row in found:
        share = "-" if row.found is None else f"{row.found:.2f}"
        delay = "-" if row.delay is None else f"{row.delay:,.0f}"
        note = " **over alpha**" if row.held is False else ""
        rate = f"{row.false_alarms:.3f} ({row.lowest:.3f} to {row.highest:.3f}){note}"
        lines.append(f"| {row.setting} | {row.detector} | {rate} | {share} | {delay} |")
    return "\n".join(lines)


def as_json(found: Sequence[Outcome]) -> str:
    """Format outcomes as one line of JSON."""
    return json.dumps({"alpha": ALPHA, "seed": SEED, "outcomes": [asdict(row) for row in found]})
