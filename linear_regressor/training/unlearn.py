"""Unlearning: subtract the moments of some rows from a model, and train it again on what is left."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.code_commit import code_facts
from linear_regressor.artefact.model_files import load, save
from linear_regressor.artefact.model_location import BucketUrl, ModelLocation
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Partition
from linear_regressor.errors import ArtefactError, DataError, MomentsError, SettingError, StatisticsError
from linear_regressor.filters.old_form import as_sql
from linear_regressor.filters.row_filter import RowFilter
from linear_regressor.model.descent import Fit
from linear_regressor.model.inference import FitStatistics
from linear_regressor.model.moments import Moments, RowSummary
from linear_regressor.output_file import is_stream, remove_file, write_file
from linear_regressor.training.config import outside_share, quantile_table
from linear_regressor.training.engine import Engine, Report
from linear_regressor.training.refit import MISSING, card_of, fit_again, settings_of, steps_of
from linear_regressor.training.removed_rows import RemovedRows, hashes_of, require_new, text_of


@dataclass(frozen=True, eq=False)
class Unlearning:
    """A model before and after rows were removed from it."""

    before: Artefact
    after: Artefact
    # digests of the removed sets of rows
    digests: tuple[str, ...]

    def receipt(self) -> dict[str, Any]:
        """Digests, row counts and the change of every weight, for the record."""
        before, after = self.before, self.after
        weights = zip(before.features, before.W.tolist(), after.W.tolist(), strict=True)
        rows = {"before": before.moments.n, "after": after.moments.n, "removed": before.moments.n - after.moments.n}
        return {"model": {"before": before.digest, "after": after.digest}, "rows": rows, "removed": list(self.digests),
                "W": {name: _change(*pair) for name, *pair in weights}, "b": _change(before.b, after.b)}

    def save(self, path: ModelLocation, receipt_path: Path | None, now: datetime, in_place: bool = False) -> Path:
        """Write the receipt, then replace the model; return where the receipt is.

        In a bucket the model that is unlearned ``in_place`` must still be there.
        """
        place = receipt_path or _receipt_beside(path, self.after.digest)
        facts = {"unlearned_at": now.isoformat(timespec="seconds")}
        written = self._write_receipt(place, facts, reuse=receipt_path is None)
        try:
            save(self.after, path, {**facts, "unlearned_from": self.before.digest, **code_facts()},
                 self.before.digest if in_place else None)
        except BaseException:  # an interrupt, too
            if written and not self._is_saved(path):
                remove_file(place)
            raise
        return place

    def _write_receipt(self, place: Path, facts: dict[str, str], reuse: bool) -> bool:
        """Write a new file, unless a killed run has left the receipt of this very change."""
        receipt = self.receipt()
        if exists(place):
            if reuse and _read_receipt(place, facts) == receipt:
                return False
            raise SettingError(f"{place} already exists: a receipt replaces no other file")
        content = json.dumps({**receipt, **facts}, indent=1).encode() + b"\n"
        write_file(place, lambda file: file.write(content))
        return True

    def _is_saved(self, path: ModelLocation) -> bool:
        """Whether the new model is in its place."""
        try:
            return (isinstance(path, BucketUrl) or not is_stream(path)) and load(path).digest == self.after.digest
        except ArtefactError:
            return False


def unlearn(artefact: Artefact, removed: Sequence[RemovedRows], allow_duplicates: bool = False) -> Unlearning:
    """Remove rows from a model, which is then, to rounding, the model trained without them.

    Rows that were removed before are an error, unless duplicates are allowed. Moments cannot tell the limits of the
    remaining rows, their bins, nor their errors on the test rows: all three are dropped.
    """
    settings = settings_of(artefact, "rows cannot be removed")
    digests = tuple(part.summary.digest for part in removed)
    past = artefact.card.get("unlearned", {"rows": 0.0, "digests": []})
    hashes = hashes_of(past)
    if not allow_duplicates:
        _require_new(digests, past["digests"])
        require_new(removed, hashes)
    rows = reduce(add, (part.summary for part in removed))
    _require_within(artefact, rows)
    left = artefact.moments - rows.moments
    fit = fit_again(settings, left)
    _require_statistics(artefact, left, fit)
    card = {**card_of(artefact, left, fit),
            "unlearned": {"rows": past["rows"] + rows.moments.n, "digests": [*past["digests"], *digests],
                          "hashes": text_of(np.concatenate([hashes, *(part.hashes for part in removed)]))}}
    profile = artefact.profile and artefact.profile.without_bins(left.n, outside_share(left))
    after = replace(artefact, W=fit.W, b=fit.b, moments=left, minimum=None, maximum=None,
                    quantiles=quantile_table(left.n, left.p), card=card, profile=profile)
    return Unlearning(artefact, after, digests)


def columns_of(artefact: Artefact, where: str | None) -> Columns:
    """Columns and rows that the model was trained on, out of the rows to remove."""
    settings = artefact.card.get("settings", {})
    recorded = settings.get("where")
    filters = [text for text in (recorded and as_sql(recorded), where) if text is not None]
    for text in filters:
        RowFilter.of(text)  # each on its own, so that an error shows the one that is invalid
    both = " and ".join(f"({text}\n)" for text in filters) or None  # a filter may end in a comment
    return Columns(artefact.features, artefact.target, both, settings.get("key"),
                   steps_of(artefact, "rows cannot be removed"), drop_missing=MISSING in artefact.card)


def read_removed(artefact: Artefact, partitions: Sequence[Partition], engine: Engine,
                 report: Report) -> list[RemovedRows]:
    """Read the rows to remove, without those that training kept for its test."""
    fraction = float(artefact.card.get("settings", {}).get("test_fraction") or 0.0)
    parts = dict(engine.map(partial(RemovedRows.of, test_fraction=fraction), dict(enumerate(partitions)), report))
    in_order = [parts[place] for place in range(len(partitions))]
    removed = [part for part in in_order if part is not None]
    if not removed:
        raise DataError("there are no rows to remove: none of them was used for training")
    return removed


def _receipt_beside(path: ModelLocation, digest: str) -> Path:
    """Name the receipt of a new model file on this machine."""
    if isinstance(path, BucketUrl):
        raise SettingError(f"{path} is in a bucket: name a file for the receipt")
    return path.with_name(f"{path.stem}.receipt-{digest[:12]}.json")


def exists(receipt: Path) -> bool:
    """Whether there is a file that a receipt would replace; a device or pipe is only written to."""
    return receipt.exists() and not is_stream(receipt)


def _read_receipt(place: Path, facts: Collection[str]) -> Any:
    """Read a receipt without the facts in which two receipts of one change may differ; None if it is no receipt."""
    try:
        content = json.loads(place.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return {name: value for name, value in content.items() if name not in facts} if isinstance(content, dict) else None


def _change(before: float, after: float) -> dict[str, float]:
    """Two numbers and their difference."""
    return {"before": before, "after": after, "change": after - before}


def _require_new(digests: Sequence[str], past: Sequence[str]) -> None:
    """Reject rows that were removed before, or are given twice."""
    for place, digest in enumerate(digests):
        if digest in past or digest in digests[:place]:
            raise MomentsError(f"the same rows (digest {digest[:12]}...) would be removed twice")


def _require_within(artefact: Artefact, rows: RowSummary) -> None:
    """Reject rows with a value outside the limits of the training rows, if these are known."""
    if artefact.minimum is None or artefact.maximum is None or rows.minimum is None or rows.maximum is None:
        return
    outside = (rows.minimum[:-1] < artefact.minimum) | (rows.maximum[:-1] > artefact.maximum)
    if outside.any():
        name = artefact.features[int(np.argmax(outside))]
        raise MomentsError(f"these rows are not among the training rows: a value of {name!r} is outside their limits")


def _require_statistics(artefact: Artefact, left: Moments, fit: Fit) -> None:
    """Reject a removal that makes columns constant or dependent which were not."""
    try:
        FitStatistics(artefact.moments, artefact.W, artefact.b)
    except StatisticsError:
        return
    try:
        FitStatistics(left, fit.W, fit.b)
    except StatisticsError as error:
        raise MomentsError(f"the remaining rows do not determine a model: {error}") from None
