"""Predicting a data set of any size into a folder of Parquet files, one for each partition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from linear_regressor.data.source import Partition
from linear_regressor.errors import SettingError
from linear_regressor.files.locations import Folder
from linear_regressor.predictions.predicted_rows import Counts, Part, finished, schema_of
from linear_regressor.predictions.row_predictor import RowPredictor
from linear_regressor.training.checkpoint import digest, key_of
from linear_regressor.training.engine import Engine, Report


def predict_parts(partitions: Sequence[Partition], predictor: RowPredictor, folder: Folder, engine: Engine,
                  report: Report) -> Counts:
    """Predict the partitions whose file is not in the folder yet, and count the rows of all."""
    schema = schema_of(partitions, predictor)
    model = [predictor.artefact.digest, repr(predictor.wanted), str(schema)]
    parts = [Part(partition, folder, _name(place, [key_of(partition, 0.0), *model]))
             for place, partition in enumerate(partitions)]
    counts = _finished(folder, {part.name: place for place, part in enumerate(parts)})
    report(sum(count.rows for count in counts.values()))
    missing = {place: part for place, part in enumerate(parts) if place not in counts}
    write = partial(Part.write, predictor=predictor, schema=schema)
    counts.update(engine.map(partial(_write, write=write), missing, report))
    folder.sweep()
    return Counts(sum(count.rows for count in counts.values()), sum(count.empty for count in counts.values()))


def _write(part: Part, report: Report, write: Callable[[Part], Counts]) -> Counts:
    """Predict a partition into its file, and count its rows."""
    counts = write(part)
    report(counts.rows)
    return counts


def _name(place: int, identity: list[str]) -> str:
    """Name a file so that it sorts by place, and identifies the data, the model, the options and the columns."""
    return f"part-{place:06}-{digest(identity)[:16]}.parquet"


def _finished(folder: Folder, places: dict[str, int]) -> dict[int, Counts]:
    """Row counts of the files in the folder, by the place of their partition."""
    names = folder.names()
    others = [name for name in names if name not in places]
    if others:
        raise SettingError(f"{folder.name} contains {others[0]}, which does not belong to these predictions: name "
                           "another folder, or empty it")
    return {places[name]: finished(folder, name) for name in names}
