"""``linear-regressor predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import click

from linear_regressor.artefact.model_files import load
from linear_regressor.artefact.model_location import FILE_URL, ModelLocation
from linear_regressor.cli import options
from linear_regressor.cli.output import progress_bar
from linear_regressor.data.source import Source
from linear_regressor.errors import counted
from linear_regressor.files.locations import Folder, Locations
from linear_regressor.files.reading import Reading
from linear_regressor.output_file import is_stdout
from linear_regressor.predictions import predicted_rows
from linear_regressor.predictions.predicted_rows import Counts
from linear_regressor.predictions.row_predictor import RANGE_LEVEL, RowPredictor, Wanted
from linear_regressor.predictions.row_writers import FORMATS, format_of
from linear_regressor.training.predict_parts import predict_parts

STANDARD_OUTPUT = "/dev/stdout"


@click.command()
@click.argument("paths", metavar="[INPUT] OUTPUT", nargs=-1, required=True)
@options.model_path
@options.data_texts()
@options.reading
@options.where
@click.option("--missing", type=click.Choice(["error", "null"]), default="error", show_default=True,
              help="What a row without a value of a feature gives: an error, or an empty prediction.")
@click.option("--interval", metavar="LEVEL", type=click.FloatRange(0.5, 0.999), show_default="none",
              help="Add the columns 'lower' and 'upper', the ends of the prediction interval at this level, such as "
                   "0.95.")
@click.option("--explain", is_flag=True,
              help="Add a column 'contribution_NAME' for each feature: what it adds to the prediction at the mean of "
                   "the training rows.")
@click.option("--range", "out_of_range", is_flag=True,
              help="Add the column 'out_of_range': whether the row is out of the range of the training rows, at the "
                   f"level {RANGE_LEVEL}.")
@click.option("--only-prediction", is_flag=True, help="Leave the columns of the data out.")
@click.option("--output-format", type=click.Choice(FORMATS), show_default="the ending of OUTPUT",
              help="Format of OUTPUT.")
@options.engine
@options.scheduler
@click.pass_context
def predict(context: click.Context, /, paths: tuple[str, ...], model_path: ModelLocation, data: tuple[str, ...],
            reading: Reading, where: str | None, output_format: str | None, engine: str, scheduler: str | None,
            **wanted: Any) -> None:
    """Predict the target of each row of a data set.

    Reads INPUT, a file, or --data, and writes OUTPUT with the columns of the data and a column 'prediction'. The data
    need a column for each feature of the model, named as in the model. Other columns are copied as they are; those of a
    CSV file are copied as text. Cleaning steps of the model change the values that are predicted from, not the copies.

    Several files give the columns of all: those of the first file, then those that only later files have. A file that
    does not have a column gives empty values. Types that have no common type are an error before a row is written.

    Intervals, contributions and the range are those of the server, to the last bit. They need a model that was trained
    on enough rows.

    OUTPUT ends in .csv (with a header), .parquet, .feather, .arrow, .ndjson or .jsonl, or has any name with
    --output-format; '-' is standard output. Rows are written as they are read, in constant memory. An older OUTPUT is
    replaced in one step; it must not be a file of the data. Standard output, and a device or pipe without an ending,
    gets CSV.

    With --engine dask OUTPUT is a folder, which may be gs://bucket/folder or s3://bucket/folder, with one Parquet file
    for each part of the data, in its order. A file is there as a whole or not at all; running the same command again
    writes the missing ones. Other files in the folder are an error, and so is a folder within the data.

    The exit code is 1 if the model or the data cannot be used, and 2 for misuse.

    \b
    Examples:
      linear-regressor predict rows.csv predictions.csv
      linear-regressor predict rows.csv - --interval 0.95 --output-format ndjson
    """
    if len(paths) != (1 if data else 2):
        raise click.UsageError("name the data once, as INPUT or as --data, and then one OUTPUT.", context)
    output = STANDARD_OUTPUT if paths[-1] == "-" else _without_scheme(paths[-1])
    rows = options.locations(data or paths[:1], reading, scheduler)
    options.require_dask(scheduler, engine)
    predictor = RowPredictor(load(model_path), Wanted(wanted["interval"], wanted["explain"], wanted["out_of_range"],
                                                      wanted["missing"] == "null", wanted["only_prediction"]))
    if engine == "dask":
        if output_format not in (None, "parquet"):
            raise click.UsageError("--engine dask writes Parquet.", context)
        counts = _into_folder(rows, where, predictor, output, scheduler)
    elif "://" in output:
        raise click.BadParameter(f"{output!r} is a URL, which needs --engine dask.", context, param_hint="OUTPUT")
    else:
        counts = _into_file(rows, where, predictor, Path(output), output_format)
    empty = f", {counts.empty} of them empty because a feature is missing" if counts.empty else ""
    to_stdout = is_stdout(Path(output))
    place = "to standard output" if to_stdout else f"in {paths[-1]}"
    click.echo(f"{counted(counts.rows, 'prediction')} {place}{empty}", err=to_stdout)


def _without_scheme(output: str) -> str:
    """Return the path that ``file:///path`` names; any other output stays as it is."""
    file = FILE_URL.fullmatch(output)
    return unquote(file["path"]) if file else output


def _into_file(rows: Locations, where: str | None, predictor: RowPredictor, output: Path,
               output_format: str | None) -> Counts:
    """Predict all rows into one file."""
    kind = format_of(output, output_format)  # rejects an unknown ending before the data are read
    if output.is_dir():
        raise click.BadParameter(f"'{output}' is a folder.", param_hint="OUTPUT")
    source = Source.of(rows, predictor.columns(where))
    source.require_apart(output)
    partitions = source.partitions()
    schema = predicted_rows.schema_of(partitions, predictor, kind)
    with progress_bar(partitions) as report:
        return predicted_rows.write(partitions, predictor, output, schema, report, kind)


def _into_folder(rows: Locations, where: str | None, predictor: RowPredictor, output: str,
                 scheduler: str | None) -> Counts:
    """Predict each partition into a file of its own, on Dask workers."""
    folder = Folder.of(output)
    folder.require_apart(rows)
    partitions = Source.of(rows, predictor.columns(where)).partitions()
    with options.open_engine("dask", scheduler) as workers, progress_bar(partitions) as report:
        return predict_parts(partitions, predictor, folder, workers, report)
