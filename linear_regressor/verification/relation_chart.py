"""The relations of columns before and now, where a check has found that they changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import counted
from linear_regressor.model.moments import Moments
from linear_regressor.page.chart import Chart
from linear_regressor.verification import shift
from linear_regressor.verification.comparison import Comparison
from linear_regressor.verification.joint_checks import changed_alone
from linear_regressor.verification.verify import Verification

Array = NDArray[np.float64]

# Findings that are about relations.
CHECKS = {"relation-shift", "shifted-rows", "sign", "swapped-columns"}
# Pairs of columns that are drawn.
MOST_PAIRS = 200
SMALL, LARGE = 2.5, 5.0


def relation_chart(prefix: str, suffix: str, verification: Verification) -> Chart | None:
    """Draw the rank correlation of each pair of columns, now over before; None without a finding about them."""
    schema, reference = verification.schema, verification.reference
    if schema is None or reference is None or not any(each.check in CHECKS for each in verification.report.findings):
        return None
    compared = Comparison(verification.summary, schema, reference)
    names = tuple(name for name in compared.joint if not any(name in each for each in changed_alone(compared)))
    ranks = compared.ranks(names) if len(names) > 1 else None
    if ranks is None:
        return None
    left, right = np.triu_indices(len(names), 1)
    changed = shift.pairs(*ranks, compared.tests)[left, right]
    if not changed.any():
        return None
    before, after = (_correlations(each)[left, right] for each in ranks)
    pairs = np.lexsort((-np.abs(after - before), ~changed))[:MOST_PAIRS].tolist()
    low, high = (float(limit([before[pairs], after[pairs]])) for limit in (np.min, np.max))
    margin = 0.06 * (high - low) or 0.1
    ends = (low - margin, high + margin)
    drawn = counted(len(pairs), "pair") + (f" of {len(left)}" if len(left) > len(pairs) else "")
    most = pairs[0]
    chart = Chart(f"{prefix}-relations", f"Rank correlations{suffix}",
                  f"Rank correlations now over those in the reference, {drawn} of columns; {np.count_nonzero(changed)} "
                  f"have changed. The first one, of {names[left[most]]} and {names[right[most]]}, is {after[most]:.2f}"
                  f", and {before[most]:.2f} in the reference.", ends, ends, ("in the reference", "now"))
    chart.line([(ends[0], ends[0]), (ends[1], ends[1])], "mean")
    for pair in reversed(pairs):
        chart.dot(before[pair], after[pair], "changed" if changed[pair] else "dot", LARGE if changed[pair] else SMALL)
    chart.legend += [("key-changed", "changed"), ("key-dot", "not changed"), ("key-mean", "as in the reference")]
    chart.table(("columns", "in the reference", "now", "result"), (
        (f"{names[left[pair]]} and {names[right[pair]]}", f"{before[pair]:.3f}", f"{after[pair]:.3f}",
         "changed" if changed[pair] else "not changed") for pair in pairs))
    return chart


def _correlations(ranks: Moments) -> Array:
    """Correlations of all columns; 0 for a constant one."""
    spread = np.sqrt(np.maximum(ranks.C.diagonal(), 0.0))
    lengths = np.outer(spread, spread)
    found: Array = np.divide(ranks.C, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return found
