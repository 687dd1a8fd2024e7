"""``linear-regressor evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from linear_regressor.cli.options import model_path


@click.command()
@model_path("Model file to evaluate.")
def evaluate(model_path: Path) -> None:
    """Evaluate a model on the built-in test rows.

    Prints slope, intercept, mean squared error and R2 on the last 20 rows of scikit-learn's diabetes set, and, from the
    moments in the model file alone, how far at most the training loss is above the lowest that any line can reach.
    """
    from linear_regressor.artefact.load import load
    from linear_regressor.cli.summary import summary
    from linear_regressor.data import diabetes
    from linear_regressor.model.evaluate import Certificate, Evaluation
    from linear_regressor.model.moments import Moments
    from linear_regressor.training.recipe import Recipe

    artefact = load(model_path)
    _, test = diabetes.read(artefact.features).split_last(Recipe.test_rows)
    click.echo(summary(artefact, Evaluation.of(Moments.from_arrays(test.X, test.y), artefact.W, artefact.b),
                       Certificate.of(artefact.moments, artefact.W, artefact.b)))
