"""``linear-regressor unlearn``."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linear_regressor.artefact.model_files import load
from linear_regressor.artefact.model_location import BucketUrl, ModelLocation
from linear_regressor.cli import options
from linear_regressor.cli.output import (
    progress_bar,
    require_different,
    require_not_data,
    require_writable,
    warning_lines,
    writes_to_stdout,
)
from linear_regressor.data.source import Source
from linear_regressor.errors import SettingError
from linear_regressor.output_file import is_stdout, is_stream, locked
from linear_regressor.training.engine import LocalEngine

if TYPE_CHECKING:
    from linear_regressor.files.locations import Locations
    from linear_regressor.training.unlearn import Unlearning


@click.command()
@options.data(required=True)
@options.where
@options.model_path
@options.model_save_path(None, "the model file itself", "Model file to write, with its card beside it.")
@click.option("--allow-duplicates", is_flag=True,
              help="Remove rows although equal ones were removed before, or are in another file, because the training "
                   "data had them more than once; without, they are an error.")
@click.option("--receipt-path", type=options.LocalPath(dir_okay=False, path_type=Path), default=None,
              show_default="beside the new model, named by its digest",
              help="Receipt to write, as JSON; it must not exist.")
def unlearn(data: Locations, where: str | None, model_path: ModelLocation, model_save_path: ModelLocation | None,
            allow_duplicates: bool, receipt_path: Path | None) -> None:
    """Remove rows from a trained model.

    The data set has the rows to remove, with the columns that the model was trained on; the remaining rows are not
    needed. Rows that training kept for its test, or filtered out, are skipped in the same way. The result is the model
    that training without the rows would give.

    Writes the new model and a receipt with digests, row counts and the change of every weight, and prints the changes.
    The exit code is 1 if the rows cannot be removed: because they cannot have been among the training rows, or because
    the rest does not determine a model.

    A model does not know its rows one by one: rows that it was not trained on are removed all the same, unless that
    shows in their values. The rows that were removed are known by their hashes, and are not removed twice.

    \b
    Example:
      linear-regressor unlearn --data withdrawn.csv --model-save-path models/new.joblib
    """
    # Not at the top: scikit-learn and SciPy take a second to import, for which --help would have to wait.
    from linear_regressor.training.unlearn import columns_of, read_removed
    from linear_regressor.training.unlearn import unlearn as remove_rows

    output = model_save_path or model_path
    _check_outputs(model_path, output, receipt_path)
    names = output.stat().st_nlink if isinstance(output, Path) and output.is_file() else 1
    # Of two runs at once, the second must start from the model of the first.
    with nullcontext() if isinstance(output, BucketUrl) else locked(output):
        artefact = load(model_path)
        source = Source.of(data, columns_of(artefact, where))
        require_not_data(source, {"--model-save-path": output, "--receipt-path": receipt_path or output})
        partitions = source.partitions()
        with progress_bar(partitions) as report:
            done = remove_rows(artefact, read_removed(artefact, partitions, LocalEngine(), report), allow_duplicates)
        receipt = done.save(output, receipt_path, datetime.now(UTC), in_place=output == model_path)
    click.echo("\n".join([*_lines(done), f"model        {output}", f"receipt      {receipt}"]),
               err=writes_to_stdout(output) or is_stdout(receipt))
    if names > 1:
        click.echo(f"{output} had other names (hard links), {names - 1} in number: these still have the old model",
                   err=True)


def _check_outputs(model: ModelLocation, output: ModelLocation, receipt: Path | None) -> None:
    """Reject outputs that would overwrite each other, an input or an older receipt."""
    from linear_regressor.training.unlearn import exists

    cards: dict[ModelLocation, str] = {path.with_suffix(".card.json"): f"the card of {path}"
                                       for path in (model, output) if path.name}
    require_different({"--model-save-path": output}, cards)
    require_writable(output)
    if receipt is None and isinstance(output, BucketUrl):
        raise SettingError(f"--receipt-path is required: {output} is in a bucket, and a receipt is a file on this "
                           "machine")
    if receipt is None and isinstance(output, Path) and is_stream(output):
        raise SettingError(f"--receipt-path is required: {output} is a device or pipe, so nothing is kept beside it")
    if receipt is not None:
        require_different({"--receipt-path": receipt}, {**cards, model: "the model", output: "the new model"})
        if exists(receipt):
            raise SettingError(f"--receipt-path {receipt} already exists: a receipt replaces no other file")


def _lines(done: Unlearning) -> list[str]:
    """Row counts and weights, one a line."""
    before, after = done.before, done.after
    slopes = zip(after.features, after.W.tolist(), (after.W - before.W).tolist(), strict=True)
    return [f"rows         {before.moments.n:.0f} before, {after.moments.n:.0f} after",
            *(f"slope        {slope:<14.10g} {name}, changed by {change:+.6g}" for name, slope, change in slopes),
            f"intercept    {after.b:<14.10g} changed by {after.b - before.b:+.6g}", *warning_lines(after)]
