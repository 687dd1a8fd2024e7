"""``linear-regressor compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from linear_regressor.cli.options import as_size

if TYPE_CHECKING:
    from linear_regressor.training.compare_models import Comparison


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--radius", metavar="FLOAT", default="3", show_default=True, callback=as_size,
              help="How far from the mean of A's training rows to look: Mahalanobis distance, at least 0.")
@click.option("--max-change", metavar="FLOAT", default=None, show_default="any", callback=as_size,
              help="Largest change of a prediction that is allowed there, at least 0, in the unit of the target; "
                   "beyond it the exit code is 1.")
def compare(a: Path, b: Path, radius: float, max_change: float | None) -> None:
    """Tell what changes from model A to model B, without data.

    Prints the largest difference of their predictions around the training rows of A and a point where it is attained,
    the change of every weight, and a Wald test of whether the change is more than chance.
    """
    from linear_regressor.artefact.file import load
    from linear_regressor.training.compare_models import compare_models

    comparison = compare_models(load(a), load(b), radius)
    click.echo("\n".join(_lines(comparison)))
    if max_change is not None:
        comparison.require_at_most(max_change)


def _lines(comparison: Comparison) -> list[str]:
    """Write what changes, one fact a line."""
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
