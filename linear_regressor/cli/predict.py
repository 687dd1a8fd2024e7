"""``linear-regressor predict``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linear_regressor.cli.options import data, engine, model_path, require_dask_for, where
from linear_regressor.cli.output import rows_bar

if TYPE_CHECKING:
    from linear_regressor.artefact.artefact import Artefact


@click.command()
@click.argument("paths", metavar="[INPUT] OUTPUT", nargs=-1, required=True)
@model_path("Model file to predict with.")
@data(required=False)
@where()
@click.option("--only-prediction", is_flag=True, help="Write the column 'prediction' alone.")
@engine
@click.pass_context
def predict(context: click.Context, /, paths: tuple[str, ...], model_path: Path, data: str | None, where: str | None,
            only_prediction: bool, engine: str, scheduler: str | None) -> None:
    """Predict each row of INPUT, a file, or of --data, and write OUTPUT.

    Writes the columns of the data and a column 'prediction' to OUTPUT, which ends in .csv (comma-separated, the first
    line names the columns), .parquet, .feather or .arrow. The data must have a column for each feature of the model,
    named like it; others are passed on as they are; out of a CSV file every column is passed on as text. Rows are
    written as they are read, in memory that does not grow with them; an older OUTPUT is replaced in one step, but
    it is none of the files that are read.

    With --engine dask OUTPUT is a folder, also as gs://bucket/folder or s3://bucket/folder, that gets a file of Parquet
    for each piece of the data, in its order. A file is there whole or not at all, and the same command once more makes
    those that are missing. Other files in the folder are an error, and so is a folder within the data.
    """
    from linear_regressor.artefact.file import load

    location, output = _places(context, paths, data)
    require_dask_for(scheduler, engine)
    artefact = load(model_path)
    if engine == "dask":
        count = _into_folder(location, where, artefact, output, only_prediction, scheduler)
    else:
        if "://" in output:
            raise click.BadParameter(f"{output!r} is a URL, to which --engine dask alone writes.", context,
                                     param_hint="OUTPUT")
        count = _into_file(location, where, artefact, Path(output), only_prediction)
    click.echo(f"{count} predictions in {output}")


def _into_file(location: str, where: str | None, artefact: Artefact, output: Path, only: bool) -> int:
    """Predict in this process."""
    from linear_regressor.data import predictions
    from linear_regressor.data.columns import Columns
    from linear_regressor.data.source import Source
    from linear_regressor.model import prediction

    predictions.require_known_ending(output)
    if output.is_dir():
        raise click.BadParameter(f"'{output}' is a folder.", param_hint="OUTPUT")
    source = Source.of(location, Columns(artefact.features, None, where))
    source.require_apart(output)
    partitions = source.partitions()
    with rows_bar(sum(partition.rows for partition in partitions)) as report:
        return predictions.write(partitions, partial(prediction.predict, W=artefact.W, b=artefact.b), output,
                                 predictions.schema_of(partitions[0], only), report)


def _into_folder(location: str, where: str | None, artefact: Artefact, output: str, only: bool,
                 scheduler: str | None) -> int:
    """Predict on a cluster."""
    from linear_regressor.data.columns import Columns
    from linear_regressor.data.locations import Folder
    from linear_regressor.data.source import Source
    from linear_regressor.training.dask_engine import DaskEngine
    from linear_regressor.training.predict_parts import predict_parts

    folder = Folder.of(output)
    folder.require_apart(location)
    partitions = Source.of(location, Columns(artefact.features, None, where)).partitions()
    with DaskEngine(scheduler) as workers, rows_bar(sum(partition.rows for partition in partitions)) as report:
        return predict_parts(partitions, artefact, folder, only, workers, report)


def _places(context: click.Context, paths: tuple[str, ...], data: str | None) -> tuple[str, str]:
    """Where to read, which is named by INPUT or by --data, and where to write."""
    if len(paths) != (2 if data is None else 1):
        raise click.UsageError("name what to read once, as INPUT or as --data, and then one OUTPUT.", context)
    return paths[0] if data is None else data, paths[-1]
