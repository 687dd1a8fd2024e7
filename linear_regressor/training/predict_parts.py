"""Predicting a data set of any size into a folder of Parquet files, on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from linear_regressor.data import predictions
from linear_regressor.data.locations import Folder
from linear_regressor.data.predictions import Part
from linear_regressor.data.source import Partition
from linear_regressor.errors import SettingError
from linear_regressor.model import prediction
from linear_regressor.training.checkpoint import digest, key_of
from linear_regressor.training.engine import Report

if TYPE_CHECKING:
    from linear_regressor.artefact.artefact import Artefact
    from linear_regressor.training.dask_engine import DaskEngine


def predict_parts(partitions: Sequence[Partition], artefact: Artefact, folder: Folder, only: bool, engine: DaskEngine,
                  report: Report) -> int:
    """Predict each piece into a file of its own, but those whose file is there already."""
    whole = predictions.schema_of(partitions[0], only)
    parts = {place: Part(partition, folder, _name(place, [key_of(partition, 0.0), artefact.digest, str(whole)]))
             for place, partition in enumerate(partitions)}
    rows = _finished(parts, folder)
    report(sum(rows.values()))
    line = partial(prediction.predict, W=artefact.W, b=artefact.b)
    missing = {place: part for place, part in parts.items() if place not in rows}
    for place, count in engine.each(partial(Part.write, predict=line, schema=whole), missing):
        rows[place] = count
        report(count)
    folder.sweep()
    return sum(rows.values())


def _name(place: int, decisive: Sequence[str]) -> str:
    """Name a file so that it sorts by place, and so that it is only found again by who would write the same."""
    return f"part-{place:06}-{digest(decisive)[:16]}.parquet"


def _finished(parts: Mapping[int, Part], folder: Folder) -> dict[int, int]:
    """Rows of each file that is there already, under the place of its piece."""
    places = {part.name: place for place, part in parts.items()}
    there = folder.names()
    others = [name for name in there if name not in places]
    if others:
        raise SettingError(f"{folder.name} holds {others[0]}, which these predictions would not be told from: name "
                           "another folder, or empty it")
    return {places[name]: folder.rows(name) for name in there}
