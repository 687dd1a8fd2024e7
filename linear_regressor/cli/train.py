"""``linear-regressor train``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linear_regressor.cli import options
from linear_regressor.cli.command_line import describe
from linear_regressor.cli.output import (
    descent_line,
    missing_lines,
    progress_bar,
    require_different,
    require_not_data,
    require_writable,
    split_lines,
    summary,
    writes_to_stdout,
)
from linear_regressor.cli.tracked import log_run, open_store, record_run, track_option
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.output_file import is_stream
from linear_regressor.serving.settings import DEFAULT_MODEL_PATH
from linear_regressor.tables.table import Table

if TYPE_CHECKING:
    from linear_regressor.artefact.model_location import ModelLocation
    from linear_regressor.files.locations import Locations
    from linear_regressor.training.train import Training
    from linear_regressor.verification.schema import Schema
    from linear_regressor.verification.verify import Verification

# Settings that are not given: those of the challenge for the diabetes set, and for other data those that give the
# least-squares line.
DEFAULTS = {"iterations": 15000, "lr": 0.1, "standardize": False, "min_r2": 0.40}
DEFAULTS_OF_DATA = {"iterations": "auto", "lr": "auto", "standardize": True, "min_r2": None}
DEFAULT_REPORT_PATH = Path("reports")
# what the card of a model says of its data without --data
DIABETES = "scikit-learn's diabetes set"


@click.command()
@click.option("--iterations", metavar="INTEGER|auto", type=options.Count(),
              show_default="auto with --data, else 15000",
              help="Steps over all rows (one more is taken), or with --batch-size passes over the rows; 'auto' takes "
                   "as many steps as descent needs to converge.")
@click.option("--lr", metavar="RATE|auto", type=options.Rate(), show_default="auto with --data, else 0.1",
              help="Learning rate, greater than 0 and below the limit of convergence, which an error message gives; "
                   "'auto' uses half that limit, and with --batch-size a lower rate that suits the size.")
@click.option("--batch-size", type=click.IntRange(min=1), default=None, show_default="all rows, in closed form",
              help="Rows in a step of stochastic descent, at least 1.")
@click.option("--features", metavar="NAME[,NAME...]", multiple=True, show_default="bmi", callback=options.split_names,
              help="Features to train on, separated by commas or by repeating the option: columns of the data set, or, "
                   "without --data, out of age, sex, bmi, bp, s1, s2, s3, s4, s5, s6.")
@options.model_save_path(DEFAULT_MODEL_PATH, True, "Model file to write; its card is written beside it as JSON, ending "
                         "in .card.json.")
@click.option("--report/--no-report", "draw_report", default=None, show_default="off with --data, else on",
              help="Draw the report: fit.png and losses.png.")
@click.option("--report-path", type=options.LocalPath(file_okay=False, writable=True, path_type=Path),
              show_default="reports", help="Folder for the report, which is then drawn.")
@options.random_state
@click.option("--min-r2", metavar="FLOAT", type=float, callback=options.finite,
              show_default="none with --data, else 0.4",
              help="Least R2 on the test rows, any finite number; below it nothing is saved and the exit code is 1.")
@options.standardize(default=None, show_default="on with --data, else off")
@options.data()
@options.target()
@options.where
@options.schema("all rows of --data are verified before training, and an error ends it; its cleaning steps are "
                "applied.")
@click.option("--test-fraction", metavar="FLOAT", default=0.2, show_default=True,
              type=click.FloatRange(0, 1, min_open=True, max_open=True), callback=options.finite,
              help="Share of the data set that is kept for the test by a hash of each row, between 0 and 1.")
@options.key("which rows are kept for the test")
@options.missing_rows
@options.allow_duplicates
@options.engine
@options.scheduler
@track_option
@click.pass_context
def train(context: click.Context, /, features: tuple[str, ...], model_save_path: ModelLocation,
          draw_report: bool | None, report_path: Path | None, data: Locations | None, target: str | None,
          schema: Path | None, missing: str, allow_duplicates: bool, engine: str, scheduler: str | None, track: bool,
          **settings: Any) -> None:
    """Train a model and save it.

    Trains on --data or, without it, on scikit-learn's diabetes set. The test rows are a share of --data, the same on
    every machine, or the last 20 rows of the diabetes set.

    Prints slopes, intercept, mean squared error and R2 on the test rows, and how far at most the training loss is above
    the lowest loss of any line; then a line each for features that the rows do not determine, a descent that has not
    converged and columns too far from 0. Writes the model file and its card, and a report if that is asked for. The
    same data, settings and environment give the same model file. Each run is added to runs.jsonl beside it.

    By default --data gives the least-squares line: descent is standardised, at a safe rate, until it has converged. The
    diabetes set is trained as the challenge asks, by 15000 steps at 0.1 in its own units.

    --data is read once, as a stream, in constant memory; with --batch-size once more for each pass. Finished work is
    kept beside the model file, ending in .progress, until that is written: a run that was killed continues there,
    unless the model file is in a bucket.

    With --schema all rows of --data are verified first, in a pass of their own. An error prints the report, ends with
    exit code 5 and writes nothing; warnings are printed. The card has the result, which 'models promote' requires. The
    cleaning steps of the schema are applied, and those that change values are a part of the model: its users send
    values as they are before.

    The exit code is 1 if the data cannot be used or the model is worse than --min-r2, and 2 for misuse, such as a
    learning rate that cannot converge.

    \b
    Example:
      linear-regressor train --data rows.parquet --features age,bmi --target score
    """
    # Not at the top: --help would have to wait for NumPy, SciPy and PyArrow.
    from linear_regressor.data.dataset import read_diabetes
    from linear_regressor.tracking.run import Run
    from linear_regressor.training.config import TrainingConfig
    from linear_regressor.training.train import require_batches, train_stream
    from linear_regressor.training.train import train as train_in_memory
    from linear_regressor.verification.schema import Schema

    options.require_data(context, data, ("target", "where", "schema", "test_fraction", "key", "missing",
                                         "allow_duplicates", "engine", "scheduler"))
    now, began = datetime.now(UTC), time.monotonic()
    known = {**(DEFAULTS if data is None else DEFAULTS_OF_DATA),
             **{name: value for name, value in settings.items() if value is not None}}
    _require_passes(context, known)
    if draw_report is False and report_path is not None:
        raise click.UsageError("--report-path draws the report, which --no-report switches off.", context)
    options.require_dask(scheduler, engine)
    outputs = _checked_outputs(model_save_path, schema)
    store = open_store(track, str(model_save_path))
    require_writable(model_save_path)
    draw_report = report_path is not None or (data is None if draw_report is None else draw_report)
    echo = partial(click.echo, err=writes_to_stdout(model_save_path))  # nothing else may be in the model file
    verification = None
    if data is None:
        config = TrainingConfig(features or ("bmi",), **{**known, "test_fraction": None})
        training = train_in_memory(read_diabetes(config.features), config, model_save_path, now, DIABETES)
    elif not features or target is None:
        raise click.UsageError("--data needs --features and --target: the names of its columns.", context)
    else:
        config = TrainingConfig(features, test_rows=0, **known)
        require_batches(config)  # before the rows are verified
        declared = None if schema is None else Schema.load(schema)
        source = Source.of(data, Columns(features, target, config.where, config.key,
                                         () if declared is None else declared.cleaning, missing == "drop"))
        require_not_data(source, outputs)
        verification = _verified(source, declared, echo)
        partitions, passes = source.partitions(), 1 if config.batch_size is None else 1 + int(config.iterations)
        with options.open_engine(engine, scheduler) as workers, progress_bar(partitions, passes) as report:
            training = train_stream(partitions, config, model_save_path, now, workers, report, source.name,
                                    verification, allow_duplicates)
    run = Run("train", training.artefact, str(model_save_path), DIABETES if data is None else data.name,
              now, time.monotonic() - began, (training.fit.steps, training.fit.losses),
              verification=None if verification is None else verification.report.to_plain())
    record_run(run, model_save_path)
    echo(summary(training.artefact, training.evaluation, training.certificate, "the last" if data is None else "the"))
    if data is not None:
        test, rows = training.evaluation.rows, training.artefact.moments.n
        echo("\n".join([*split_lines(test, test + rows, float(config.test_fraction or 0.0), config.key),
                        *missing_lines(training.missing)]))
    if config.iterations == "auto":
        echo(descent_line(training.artefact, training.fit.count))
    if data is not None and schema is None:
        echo("verified     no: name the schema of the rows by --schema to have them verified first")
    echo(f"model        {model_save_path}")
    drawn = _write_report(training, report_path or DEFAULT_REPORT_PATH, echo) if draw_report else []
    log_run(store, run, drawn)


def _checked_outputs(model: ModelLocation, schema: Path | None) -> dict[str, ModelLocation]:
    """The model file and what is kept beside it, by names for errors; none may replace another one or the schema."""
    from linear_regressor.tracking.run import RUNS

    beside: dict[str, ModelLocation] = {}
    if model.name and not (isinstance(model, Path) and is_stream(model)):
        beside["card"] = model.with_suffix(".card.json")
    if beside and isinstance(model, Path):
        beside |= {"progress": model.with_name(f"{model.name}.progress"), "log of runs": model.parent / RUNS}
    require_different({"--model-save-path": model}, {path: f"its own {what}" for what, path in beside.items()})
    outputs = {"--model-save-path": model, **{f"--model-save-path: its {what}": path for what, path in beside.items()}}
    require_different(outputs, {} if schema is None else {schema: "the schema"})
    return outputs


def _verified(source: Source, schema: Schema | None, echo: Callable[[str], None]) -> Verification | None:
    """Verify the rows in a pass of their own, and print what is found; an error ends the command."""
    if schema is None:
        return None
    from linear_regressor.verification.verified import Verified, require_passed
    from linear_regressor.verification.verify import verify

    verification = verify(Table(source.name, source.files), schema)
    report = verification.report
    if report.findings or report.cleaning:
        echo(report.text())
    else:
        echo("\n".join([f"verified     {Verified.of(report).summary}",
                        *(f"skipped      {reason}" for reason in report.skipped)]))
    require_passed(report)
    return verification


def _require_passes(context: click.Context, settings: Mapping[str, Any]) -> None:
    """Stochastic descent has no number of passes after which it has converged."""
    if settings.get("batch_size") is not None and settings["iterations"] == "auto":
        raise click.UsageError("--batch-size needs --iterations: the number of passes over the rows.", context)


def _write_report(training: Training, folder: Path, echo: Callable[[str], None]) -> list[Path]:
    """Write the report if matplotlib is installed, an extra that training does not need, and return its files."""
    try:
        from linear_regressor.training import report
    except ModuleNotFoundError as error:
        click.echo(f"No report: {describe(error)}", err=True)
        return []
    drawn = report.write(training, folder)
    for path in drawn:
        echo(f"report       {path}")
    return drawn
