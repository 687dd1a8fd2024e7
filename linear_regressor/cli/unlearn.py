"""``linear-regressor unlearn``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from linear_regressor.atomic_file import locked
from linear_regressor.cli import options
from linear_regressor.cli.options import as_local
from linear_regressor.cli.output import require_different, require_no_data, rows_bar
from linear_regressor.errors import SettingError


@click.command()
@options.data(required=True)
@options.where()
@options.model_path("Model file to take the rows out of.")
@click.option("--model-save-path", type=click.Path(dir_okay=False, path_type=Path), default=None, callback=as_local,
              show_default="the model file itself", help="Model file to write, with its card beside it.")
@click.option("--receipt-path", type=click.Path(dir_okay=False, path_type=Path), default=None, callback=as_local,
              show_default="beside the new model, named by its digest", help="Receipt to write, as JSON: a new file.")
def unlearn(data: str, where: str | None, model_path: Path, model_save_path: Path | None,
            receipt_path: Path | None) -> None:
    """Take rows out of a trained model, without the rows that stay.

    The data set holds the rows to take out, with the columns the model was trained on; those that training kept for its
    test, or filtered out, are left aside in the same way. The model is then what training without the rows gives.
    Writes the new model and a receipt: digests before and after, rows, and the change of every weight. Refuses where
    the rest would carry no model.

    A model does not know its rows one by one: rows that cannot have been among them are refused, but others that were
    not are taken out all the same.
    """
    from datetime import UTC, datetime

    from linear_regressor.artefact.file import load
    from linear_regressor.data.source import Source
    from linear_regressor.training.unlearn import columns_of, read_removed
    from linear_regressor.training.unlearn import unlearn as run

    output = model_save_path or model_path
    _require_places(model_path, output, receipt_path)
    with locked(output):  # two at once would each take their rows out of the same model, and one of the two be lost
        artefact = load(model_path)
        source = Source.of(data, columns_of(artefact, where))
        require_no_data(source, {"--model-save-path": output, "--receipt-path": receipt_path or output})
        partitions = source.partitions()
        with rows_bar(sum(partition.rows for partition in partitions)) as report:
            done = run(artefact, read_removed(artefact, partitions, report))
        receipt = done.save(output, receipt_path, datetime.now(UTC))
    click.echo("\n".join([
        f"rows         {done.before.moments.n:.0f} before, {done.after.moments.n:.0f} after",
        *(f"slope        {slope:<14.10g} {name}, changed by {change:+.6g}" for name, slope, change in zip(
            artefact.features, done.after.W.tolist(), (done.after.W - done.before.W).tolist(), strict=True)),
        f"intercept    {done.after.b:<14.10g} changed by {done.after.b - done.before.b:+.6g}",
        f"model        {output}", f"receipt      {receipt}"]))


def _require_places(model: Path, output: Path, receipt: Path | None) -> None:
    """Refuse outputs in the place of each other, of what is read, or of an older receipt."""
    cards = {path.with_suffix(".card.json"): f"the card of {path}" for path in (model, output) if path.name}
    require_different({"--model-save-path": output}, cards)
    if receipt is not None:
        require_different({"--receipt-path": receipt}, {**cards, model: "the model", output: "the new model"})
        if os.path.lexists(receipt):
            raise SettingError(f"--receipt-path {receipt} is there already: a receipt takes the place of no other file")
