"""``linear-regressor compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from linear_regressor.artefact.model_files import load
from linear_regressor.artefact.model_location import ModelLocation
from linear_regressor.cli.options import Model, finite

if TYPE_CHECKING:
    from linear_regressor.training.compare_models import Comparison


@click.command()
@click.argument("a", type=Model())
@click.argument("b", type=Model())
@click.option("--radius", metavar="FLOAT", type=click.FloatRange(min=0), callback=finite, default=3.0,
              show_default=True,
              help="Mahalanobis distance from the mean of A's training rows up to which predictions are compared.")
@click.option("--max-change", metavar="FLOAT", type=click.FloatRange(min=0), callback=finite, show_default="any",
              help="Largest allowed change of a prediction within that distance, in the unit of the target; above it "
                   "the exit code is 1.")
def compare(a: ModelLocation, b: ModelLocation, radius: float, max_change: float | None) -> None:
    """Compare two models without data.

    A and B are model files, or folders of models, of the same features and target, on this machine or in a bucket.
    Prints the largest change of a prediction from A to B around the training rows of A, a point where it occurs, the
    change of every weight, and a Wald test of whether the change is more than chance.

    The exit code is 1 if the models cannot be compared or the largest change is over --max-change.

    \b
    Example:
      linear-regressor compare models/old.joblib models/new.joblib --max-change 5
    """
    # Not at the top: SciPy takes a second to import, for which --help would have to wait.
    from linear_regressor.training.compare_models import compare_models

    comparison = compare_models(load(a), load(b), radius)
    click.echo("\n".join(_lines(comparison)))
    if max_change is not None:
        comparison.require_at_most(max_change)


def _lines(comparison: Comparison) -> list[str]:
    """One line for each change."""
    largest, wald = comparison.largest, comparison.wald
    point = zip(comparison.features, largest.point.tolist(), strict=True)
    slopes = zip(comparison.features, comparison.W_change.tolist(), strict=True)
    chance = wald if isinstance(wald, str) else (f"{wald.statistic:.6g} with {wald.degrees_of_freedom} degrees of "
                                                 f"freedom, p-value {wald.p_value:.3g}")
    return [f"largest      {largest.change:<+14.10g} change of a prediction within a Mahalanobis distance of "
            f"{comparison.radius:g}",
            *(f"  attained   {value:<14.10g} {name}" for name, value in point),
            *(f"slope        {change:<+14.10g} {name}" for name, change in slopes),
            f"intercept    {comparison.b_change:+.10g}",
            f"Wald test    {chance}"]
