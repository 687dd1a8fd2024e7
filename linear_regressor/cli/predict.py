"""``linear-regressor predict``."""

from __future__ import annotations

from pathlib import Path

import click

from linear_regressor.cli.options import model_path


@click.command()
@click.argument("input", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@model_path("Model file to predict with.")
def predict(input: Path, output: Path, model_path: Path) -> None:
    """Predict each row of a CSV or Parquet file.

    Writes the columns of INPUT and a column 'prediction' to OUTPUT. Each of the two ends in .csv (comma-separated, the
    first line names the columns) or .parquet. INPUT must have a column for each feature of the model, named like it;
    others are passed on as they are. An older OUTPUT is replaced in one step.
    """
    from linear_regressor.artefact.load import load
    from linear_regressor.data import tables
    from linear_regressor.model import prediction

    tables.require_known_ending(output)
    artefact = load(model_path)
    table = tables.read(input)
    X = tables.columns(table, artefact.features, input)
    tables.write_with_predictions(table, prediction.predict(X, artefact.W, artefact.b), output)
    click.echo(f"{table.num_rows} predictions in {output}")
