"""``linear-regressor check``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.model_files import load
from linear_regressor.artefact.model_location import ModelLocation
from linear_regressor.cli import options
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.errors import ArtefactError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from linear_regressor.files.locations import Locations
    from linear_regressor.training.check_model import Result
    from linear_regressor.verification.behaviour import Behaviour
    from linear_regressor.verification.schema import Schema

FAILED = 5


@click.command()
@click.argument("model", type=options.Model())
@click.option("--schema", "schema_path", metavar="FILE", type=options.LocalFile(), show_default="none",
              help="Schema whose entry 'behaviour' the model must satisfy, a YAML file.")
@options.data()
@options.missing_rows
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.pass_context
def check(context: click.Context, model: ModelLocation, schema_path: Path | None, data: Locations | None, missing: str,
          as_json: bool) -> None:
    """Test whether a model behaves as its schema requires.

    MODEL is a model file, or a folder of models, whose champion is read. The schema declares the direction of features,
    features that must not matter, and rows with their predictions. They are tested for all rows, from the weights and
    moments in the model file. With --data, the model must also be better on these rows than the mean of its training
    rows; without, the schema must not require that.

    Prints one line for each test. The exit code is 0 if all hold, 5 if one fails, and 1 if the model, the schema or the
    data cannot be read.

    \b
    Example:
      linear-regressor check models/new.joblib --schema schema.yaml --data test.parquet
    """
    options.require_data(context, data, ("missing",))
    artefact = load(model)
    schema, behaviour = _declared(schema_path, artefact)
    if behaviour.better_than_mean and data is None:
        raise click.UsageError(f"{schema_path} declares better_than_mean, which needs --data.")
    results = _results(artefact, schema, behaviour, schema_path)
    if data is not None and behaviour.better_than_mean is not False:
        results.append(_compared_with_mean(artefact, data, missing == "drop"))
    holds = all(result.holds for result in results)
    if as_json:
        click.echo(json.dumps({"model": artefact.digest, "schema": None if schema is None else schema.digest,
                               "holds": holds, "results": [result.to_plain() for result in results]},
                              indent=1, allow_nan=False))
    else:
        click.echo("\n".join(result.text() for result in results))
    context.exit(0 if holds else FAILED)


def _declared(path: Path | None, artefact: Artefact) -> tuple[Schema | None, Behaviour]:
    """Read the schema."""
    from linear_regressor.verification.behaviour import Behaviour
    from linear_regressor.verification.schema import Schema

    if path is None:
        return None, Behaviour()
    schema = Schema.load(path)
    try:
        behaviour = Behaviour.from_plain(schema.behaviour, [name for name in schema.by_name if name != artefact.target])
    except ArtefactError as error:
        raise ArtefactError(f"cannot use the schema {path}: {error}") from None
    if not behaviour:
        click.echo(f"{path} declares no behaviour", err=True)
    return schema, behaviour


def _results(artefact: Artefact, schema: Schema | None, behaviour: Behaviour, path: Path | None) -> list[Result]:
    """Make the tests that need no data."""
    # Not at the top: SciPy takes a second to import, for which --help would have to wait.
    from linear_regressor.training.check_model import check_model

    columns = () if schema is None else schema.columns
    try:
        return check_model(artefact, behaviour, {each.name: (each.minimum, each.maximum) for each in columns})
    except ArtefactError as error:
        raise ArtefactError(f"cannot use the schema {path}: {error}") from None


def _compared_with_mean(artefact: Artefact, data: Locations, drop_missing: bool) -> Result:
    """Compare the squared errors of the model with those of the training mean, row by row in one pass."""
    from linear_regressor.cli.output import missing_lines, progress_bar
    from linear_regressor.data.missing import MissingRows
    from linear_regressor.retraining.difference import Difference, Line
    from linear_regressor.training.check_model import compared_with_mean
    from linear_regressor.training.engine import LocalEngine
    from linear_regressor.training.partition_moments import split_blocks
    from linear_regressor.training.reading import counted

    columns = Columns(artefact.features, artefact.target, steps=artefact.cleaning, drop_missing=drop_missing)
    partitions, missing = Source.of(data, columns).partitions(), MissingRows()
    mean = Line(np.zeros_like(artefact.W), artefact.moments.y_mean)
    with progress_bar(partitions) as report:
        def rows() -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
            for partition in partitions:
                for block, _ in split_blocks(partition, 0.0, missing):
                    report(len(block))
                    if not np.isfinite(block).all():
                        raise counted(partition.explain(), partitions, LocalEngine())
                    yield block[:, :-1], block[:, -1]

        with np.errstate(all="ignore"):  # an error that is not finite fails the test
            difference = Difference.from_rows(mean, Line(artefact.W, artefact.b), rows())
    for line in missing_lines(missing if drop_missing else None):
        click.echo(line, err=True)
    if difference is None:
        raise DataError(f"{data.name} has fewer than 2 rows: the standard error of a mean needs at least 2")
    return compared_with_mean(difference.mean, difference.standard_error, round(difference.degrees_of_freedom) + 1)
