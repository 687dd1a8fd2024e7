"""``linear-regressor predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from linear_regressor.cli.options import model_path
from linear_regressor.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@click.command()
@click.argument("input", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@model_path("Model file to predict with.")
def predict(input: Path, output: Path, model_path: Path) -> None:
    """Predict each row of a CSV or Parquet file.

    Writes the columns of INPUT and a column 'prediction' to OUTPUT. Each of the two ends in .csv (comma-separated, the
    first line names the columns) or .parquet. INPUT must have a column for each feature of the model, named like it;
    others are passed on as they are; out of a CSV file every column is passed on as text. An older OUTPUT is replaced
    in one step.
    """
    import numpy as np

    from linear_regressor.artefact.load import load
    from linear_regressor.data import tables
    from linear_regressor.model import prediction

    tables.require_known_ending(output)
    artefact = load(model_path)
    table = tables.read(input)
    X = tables.columns(table, artefact.features, input)
    with np.errstate(over="ignore", invalid="ignore"):  # told below, by row
        predictions = prediction.predict(X, artefact.W, artefact.b)
    _require_finite(predictions, input)
    tables.write_with_predictions(table, predictions, output)
    click.echo(f"{table.num_rows} predictions in {output}")


def _require_finite(predictions: NDArray[np.float64], path: Path) -> None:
    """Refuse rows whose prediction leaves the range of float64, naming the first."""
    faulty = (abs(predictions) == float("inf")) | (predictions != predictions)
    if faulty.any():
        raise DataError(f"{path}: row {int(faulty.argmax()) + 1} (counted from 1, without the header) is too large to "
                        "predict from")
