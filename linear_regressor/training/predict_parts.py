"""Predicting a data set of any size into a folder of Parquet files, one for each partition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.data.locations import Folder
from linear_regressor.data.predictions import Part, schema_of
from linear_regressor.data.source import Partition
from linear_regressor.errors import SettingError
from linear_regressor.model.inference import predict
from linear_regressor.training.checkpoint import digest, key_of
from linear_regressor.training.engine import Engine, Report


def predict_parts(partitions: Sequence[Partition], artefact: Artefact, folder: Folder, only: bool, engine: Engine,
                  report: Report) -> int:
    """Predict the partitions whose file is not in the folder yet, and count the rows of all."""
    schema = schema_of(partitions[0], only)
    parts = [Part(partition, folder, _name(place, [key_of(partition, 0.0), artefact.digest, str(schema)]))
             for place, partition in enumerate(partitions)]
    rows = _finished(folder, {part.name: place for place, part in enumerate(parts)})
    report(sum(rows.values()))
    missing = {place: part for place, part in enumerate(parts) if place not in rows}
    write = partial(Part.write, predict=partial(predict, W=artefact.W, b=artefact.b), schema=schema)
    rows.update(engine.map(partial(_write, write=write), missing, report))
    folder.sweep()
    return sum(rows.values())


def _write(part: Part, report: Report, write: Callable[[Part], int]) -> int:
    """Predict a partition into its file, and count its rows."""
    rows = write(part)
    report(rows)
    return rows


def _name(place: int, identity: list[str]) -> str:
    """Name a file so that it sorts by place, and identifies the data, the model and the columns."""
    return f"part-{place:06}-{digest(identity)[:16]}.parquet"


def _finished(folder: Folder, places: dict[str, int]) -> dict[int, int]:
    """Row counts of the files in the folder, by the place of their partition."""
    names = folder.names()
    others = [name for name in names if name not in places]
    if others:
        raise SettingError(f"{folder.name} contains {others[0]}, which does not belong to these predictions: name "
                           "another folder, or empty it")
    return {places[name]: folder.rows(name) for name in names}
