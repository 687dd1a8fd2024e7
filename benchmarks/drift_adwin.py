"""River's ADWIN on the signals of ``benchmarks/drift_rivals.py``, in an environment with river."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

# Confidence parameters, from the most sensitive one down; river's default is 0.002.
DELTAS = (0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.0005)


def first_alarm(signals: Any, delta: float) -> int:
    """Row of the first alarm on any signal of a run; one more than all rows for none."""
    from river.drift import ADWIN  # in another environment: benchmarks/river.txt

    first = signals.shape[1] + 1
    for signal in signals.tolist():
        detector = ADWIN(delta=delta)
        for row, value in enumerate(signal[:first], 1):
            detector.update(value)
            if detector.drift_detected:
                first = min(first, row)
                break
    return int(first)


def main(path: str) -> None:
    """Choose the parameter on the unchanged runs; print the first alarms of the others as JSON."""
    with np.load(path) as stored:
        signals, tuning, alpha = stored["signals"], stored["tuning"], float(stored["alpha"])
    chosen = DELTAS[-1]
    for delta in DELTAS:
        alarms = sum(first_alarm(run, delta) <= tuning.shape[2] for run in tuning)
        if alarms <= alpha * len(tuning):
            chosen = delta
            break
    print(json.dumps([first_alarm(run, chosen) for run in signals]))


if __name__ == "__main__":
    main(sys.argv[1])
