"""What ``train`` and ``evaluate`` print of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linear_regressor.artefact.artefact import Artefact
    from linear_regressor.model.evaluate import Certificate, Evaluation

# From here on six decimals are digits that float64 does not hold.
MOST_FIXED = 1e15

DEPENDENT = ("dependent    features depend on each other to rounding: what a slope along that could gain is not in the "
             "certificate")


def summary(artefact: Artefact, evaluation: Evaluation, certificate: Certificate, share: str) -> str:
    """Write weights, errors and the optimality certificate, one a line.

    Parameters
    ----------
    artefact : Artefact
        The model.
    evaluation : Evaluation
        Its errors on the test rows.
    certificate : Certificate
        Its distance from the best line on the training rows.
    share : str
        What stands before the number of test rows: "the last", or "the".

    Returns
    -------
    str
        Lines without a last line break.
    """
    slopes = zip(artefact.features, artefact.W.tolist(), strict=True)
    return "\n".join([
        *(f"slope        {slope:<14.10g} {name}" for name, slope in slopes),
        f"intercept    {artefact.b:.10g}",
        f"MSE          {_fixed(evaluation.mean_squared_error):<14} on {share} {evaluation.rows:.0f} rows",
        f"R2           {evaluation.r2:<14.4f} on {share} {evaluation.rows:.0f} rows",
        f"certificate  on its {artefact.moments.n:.0f} training rows the loss is {_fixed(certificate.loss)}; "
        f"no line gets more than {certificate.gap:.3g} below it",
        *([DEPENDENT] if artefact.moments.has_dependent_features else []),
    ])


def _fixed(value: float) -> str:
    """Write six decimals, as long as a number has no more digits before them than float64 holds."""
    return f"{value:.6f}" if abs(value) < MOST_FIXED else f"{value:.10g}"
