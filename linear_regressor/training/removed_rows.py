"""``RemovedRows``: the training rows of a partition that are to be removed, each known by a hash."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from linear_regressor.data import splitting
from linear_regressor.data.occurrences import Occurrences
from linear_regressor.data.source import Partition
from linear_regressor.data.splitting import Hashes
from linear_regressor.errors import ArtefactError, MomentsError
from linear_regressor.model.moments import RowSummary
from linear_regressor.training.engine import Report
from linear_regressor.training.partition_moments import Blocks, counter, summarize, training_and_test

REMEDY = "leave them out, or add --allow-duplicates if the training data had these rows more than once"


@dataclass(frozen=True, eq=False)
class RemovedRows:
    """A summary of rows, and the hash of each: of key and values, and of the number of equal rows before it."""

    # name of their file
    file: str
    summary: RowSummary
    # shape (n,), uint64
    hashes: Hashes

    @classmethod
    def of(cls, partition: Partition, report: Report, test_fraction: float) -> RemovedRows | None:
        """Read a partition once, without the rows that training kept for its test; None if no row is left."""
        hashes: list[Hashes] = []
        (summary,) = summarize(partition, _training_rows(partition, test_fraction, hashes), 1, report)
        return None if summary is None else cls(partition.file.name, summary, np.concatenate(hashes))


def hashes_of(unlearned: dict[str, Any]) -> Hashes:
    """Read the hashes of all rows that were removed before from a model card; earlier versions wrote none."""
    try:
        return np.frombuffer(base64.b64decode(unlearned.get("hashes", ""), validate=True), "<u8").astype(np.uint64)
    except (TypeError, ValueError, binascii.Error):
        raise ArtefactError("the hashes of removed rows in the model card are not valid") from None


def text_of(hashes: Hashes) -> str:
    """Write hashes for a model card, in an order that does not depend on that of the rows."""
    return base64.b64encode(np.unique(hashes).astype("<u8").tobytes()).decode()


def require_new(removed: Sequence[RemovedRows], past: Hashes) -> None:
    """Reject rows that were removed before, and rows of one file that are also in another one."""
    files: dict[str, Hashes] = {}
    for part in removed:
        files[part.file] = np.concatenate([files.get(part.file, np.empty(0, np.uint64)), part.hashes])
    known = [("were removed from this model before", past)]
    for name, hashes in files.items():
        for where, others in known:
            repeated = int(np.isin(hashes, others).sum())
            if repeated:
                raise MomentsError(f"{name}: {repeated} of {len(hashes)} rows {where}: {REMEDY}")
        known.append((f"are also in {name}", hashes))


def _training_rows(partition: Partition, test_fraction: float, found: list[Hashes]) -> Iterator[Blocks]:
    """Read columns with the places of the training rows, whose hashes are appended to ``found``."""
    occurrences, key = Occurrences(), partition.columns.key
    for columns, hashes in partition.hashed_columns(missing=counter(partition)):
        training, _ = training_and_test(hashes, test_fraction)
        if key is not None:  # many rows may have the same key
            hashes = splitting.hash_values([hashes, *columns])
            occurrences.number(hashes)
        found.append(hashes.copy() if training is None else hashes[training])
        yield columns, (training,)
