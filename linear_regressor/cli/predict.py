"""``linear-regressor predict``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from linear_regressor.cli import options
from linear_regressor.cli.output import progress_bar
from linear_regressor.data import predictions
from linear_regressor.data.columns import Columns
from linear_regressor.data.locations import Folder
from linear_regressor.data.source import Source
from linear_regressor.model.inference import predict as predict_rows
from linear_regressor.output_file import is_stdout
from linear_regressor.training.predict_parts import predict_parts


@click.command()
@click.argument("paths", metavar="[INPUT] OUTPUT", nargs=-1, required=True)
@options.model_path
@options.data()
@options.where
@click.option("--only-prediction", is_flag=True, help="Write only the column 'prediction'.")
@options.engine
@options.scheduler
@click.pass_context
def predict(context: click.Context, paths: tuple[str, ...], model_path: Path, data: str | None, where: str | None,
            only_prediction: bool, engine: str, scheduler: str | None) -> None:
    """Predict the target of each row of a data set.

    Reads INPUT, a file, or --data, and writes OUTPUT with the columns of the data and a column 'prediction'. The data
    need a column for each feature of the model, named as in the model. Other columns are copied as they are; those of a
    CSV file are copied as text. Cleaning steps of the model change the values that are predicted from, not the copies.

    OUTPUT ends in .csv (with a header), .parquet, .feather or .arrow. Rows are written as they are read, in constant
    memory. An older OUTPUT is replaced in one step; it must not be a file of the data. A device or pipe without an
    ending, such as /dev/stdout, gets CSV.

    With --engine dask OUTPUT is a folder, which may be gs://bucket/folder or s3://bucket/folder, with one Parquet file
    for each part of the data, in its order. A file is there as a whole or not at all; running the same command again
    writes the missing ones. Other files in the folder are an error, and so is a folder within the data.

    The exit code is 1 if the model or the data cannot be used, and 2 for misuse.

    \b
    Example:
      linear-regressor predict rows.csv predictions.csv
    """
    if len(paths) != (2 if data is None else 1):
        raise click.UsageError("name the data once, as INPUT or as --data, and then one OUTPUT.", context)
    location, output = paths[0] if data is None else data, paths[-1]
    options.require_dask(scheduler, engine)
    artefact = load(model_path)
    if engine == "dask":
        count = _into_folder(location, where, artefact, output, only_prediction, scheduler)
    elif "://" in output:
        raise click.BadParameter(f"{output!r} is a URL, which needs --engine dask.", context, param_hint="OUTPUT")
    else:
        count = _into_file(location, where, artefact, Path(output), only_prediction)
    click.echo(f"{count} predictions in {output}", err=is_stdout(Path(output)))


def _into_file(location: str, where: str | None, artefact: Artefact, output: Path, only: bool) -> int:
    """Predict all rows into one file."""
    predictions.require_known_ending(output)
    if output.is_dir():
        raise click.BadParameter(f"'{output}' is a folder.", param_hint="OUTPUT")
    source = Source.of(location, Columns(artefact.features, None, where, steps=artefact.cleaning))
    source.require_apart(output)
    partitions = source.partitions()
    with progress_bar(partitions) as report:
        return predictions.write(partitions, partial(predict_rows, W=artefact.W, b=artefact.b), output,
                                 predictions.schema_of(partitions[0], only), report)


def _into_folder(location: str, where: str | None, artefact: Artefact, output: str, only: bool,
                 scheduler: str | None) -> int:
    """Predict each partition into a file of its own, on Dask workers."""
    folder = Folder.of(output)
    folder.require_apart(location)
    columns = Columns(artefact.features, None, where, steps=artefact.cleaning)
    partitions = Source.of(location, columns).partitions()
    with options.open_engine("dask", scheduler) as workers, progress_bar(partitions) as report:
        return predict_parts(partitions, artefact, folder, only, workers, report)
