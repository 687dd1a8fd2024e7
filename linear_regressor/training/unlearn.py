"""Taking rows out of a trained model: its moments less theirs, and the line that training would have found without."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save
from linear_regressor.atomic_file import replace_file
from linear_regressor.data.columns import Columns
from linear_regressor.data.row_filter import RowFilter
from linear_regressor.data.source import Partition
from linear_regressor.errors import ArtefactError, DataError, MomentsError, SettingError, StatisticsError
from linear_regressor.model.evaluate import Certificate
from linear_regressor.model.hessian_spectrum import require_converging_rate
from linear_regressor.model.inference import FitStatistics
from linear_regressor.model.linear_regression import SimpleLinearRegression
from linear_regressor.model.moments import Moments, RowSummary
from linear_regressor.training.config import environment, quantile_table
from linear_regressor.training.engine import LocalEngine, Report
from linear_regressor.training.reading import read_partitions


@dataclass(frozen=True, eq=False)
class Unlearning:
    """A model before and after rows were taken out of it."""

    # the model with the rows and without them
    before: Artefact
    # the model with the rows and without them
    after: Artefact
    # digests of the rows that were taken out
    digests: tuple[str, ...]

    def receipt(self) -> dict[str, Any]:
        """Write down what was done, for those who asked for it and for audits."""
        before, after = self.before, self.after
        weights = zip(before.features, before.W.tolist(), after.W.tolist(), strict=True)
        rows = {**_change(before.moments.n, after.moments.n), "removed": before.moments.n - after.moments.n}
        del rows["change"]
        return {"model": {"before": before.digest, "after": after.digest}, "rows": rows, "removed": list(self.digests),
                "W": {name: _change(*pair) for name, *pair in weights}, "b": _change(before.b, after.b)}

    def save(self, path: Path, receipt_path: Path | None, now: datetime) -> Path:
        """Write the receipt, then the model in the place of an older one."""
        place = receipt_path or path.with_name(f"{path.stem}.receipt-{self.after.digest[:12]}.json")
        facts = {"unlearned_at": now.isoformat(timespec="seconds")}
        made = self._write_receipt(place, facts, again=receipt_path is None)
        try:
            save(self.after, path, facts)
        except BaseException:  # an interrupt too
            if made and not self._is_at(path):
                place.unlink()
            raise
        return place

    def _write_receipt(self, place: Path, facts: dict[str, str], again: bool) -> bool:
        """Make the receipt; one of this very change may be there from a run that was killed, and then stays."""
        receipt = self.receipt()
        if os.path.lexists(place):
            if again and _written(place, facts) == receipt:
                return False
            raise SettingError(f"{place} is there already: a receipt takes the place of no other file")
        content = json.dumps({**receipt, **facts}, indent=1).encode() + b"\n"
        replace_file(place, lambda file: file.write(content))
        return True

    def _is_at(self, path: Path) -> bool:
        """Tell whether the new model is in its place."""
        try:
            return load(path).digest == self.after.digest
        except ArtefactError:
            return False


def unlearn(artefact: Artefact, removed: Sequence[RowSummary]) -> Unlearning:
    """Take rows out of a model.

    The moments of the rows are subtracted, and the descent that trained the model is taken again over what is left:
    same start, rate and iterations. The result is the model that training without those rows gives, to rounding. Its
    minimum and maximum are dropped, because moments cannot tell them; so are the errors on the test rows, which are not
    kept.
    """
    settings = _settings(artefact)
    digests = tuple(rows.digest for rows in removed)
    past = artefact.card.get("unlearned", {"rows": 0.0, "digests": []})
    _require_new(digests, past["digests"])
    rows = reduce(add, removed)
    _require_within(artefact, rows)
    left = artefact.moments - rows.moments
    require_converging_rate(settings["lr"], left, settings["standardize"])
    model = SimpleLinearRegression(settings["iterations"], settings["lr"], None, settings["random_state"],
                                   settings["standardize"]).fit_moments(left)
    _require_statistics(artefact, left, model)
    card = {**artefact.card, "settings": {**artefact.card["settings"], "lr_used": model.lr_},
            "data": {**artefact.card.get("data", {}), "rows": left.n},
            "metrics": {"training": asdict(Certificate.of(left, model.W, model.b))}, "environment": environment(),
            "unlearned": {"rows": past["rows"] + rows.moments.n, "digests": [*past["digests"], *digests]}}
    after = replace(artefact, W=model.W, b=model.b, moments=left, minimum=None, maximum=None,
                    quantiles=quantile_table(left.n, left.p), card=card)
    return Unlearning(artefact, after, digests)


def _written(place: Path, facts: Iterable[str]) -> Any:
    """Read a receipt without the facts that two receipts of one change may differ in; None where it is none."""
    try:
        content = json.loads(place.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return {name: value for name, value in content.items() if name not in facts} if isinstance(content, dict) else None


def _change(before: float, after: float) -> dict[str, float]:
    """Put two numbers and their difference beside each other."""
    return {"before": before, "after": after, "change": after - before}


def _settings(artefact: Artefact) -> dict[str, Any]:
    """Take the settings of the training out of the card, or refuse a model that moments cannot train again."""
    settings = artefact.card.get("settings")
    if not isinstance(settings, dict) or not {"lr", "iterations", "random_state"} <= settings.keys():
        raise ArtefactError("rows cannot be taken out: the model's card does not tell how it was trained")
    if settings.get("batch_size") is not None:
        raise ArtefactError("rows cannot be taken out: the model was trained on mini-batches, which moments cannot "
                            "draw again; train it anew on the rows that stay")
    return {"standardize": False, **settings}


def _require_new(digests: Sequence[str], past: Sequence[str]) -> None:
    """Refuse rows that were taken out before, or are there twice."""
    for place, digest in enumerate(digests):
        if digest in past or digest in digests[:place]:
            raise MomentsError(f"the same rows (digest {digest[:12]}...) would be taken out twice")


def _require_within(artefact: Artefact, rows: RowSummary) -> None:
    """Refuse rows with a value that no training row had, where that is known."""
    if artefact.minimum is None or artefact.maximum is None or rows.minimum is None or rows.maximum is None:
        return
    outside = (rows.minimum[:-1] < artefact.minimum) | (rows.maximum[:-1] > artefact.maximum)
    if outside.any():
        name = artefact.features[int(np.argmax(outside))]
        raise MomentsError(f"these rows are not among the training rows: a value of {name!r} lies outside of theirs")


def _require_statistics(artefact: Artefact, left: Moments, model: SimpleLinearRegression) -> None:
    """Refuse to make a model whose columns depend on each other out of one whose columns did not."""
    try:
        FitStatistics(artefact.moments, artefact.W, artefact.b)
    except StatisticsError:
        return
    try:
        FitStatistics(left, model.W, model.b)
    except StatisticsError as error:
        raise MomentsError(f"what would be left carries no model: {error}") from None


def columns_of(artefact: Artefact, where: str | None) -> Columns:
    """Tell which columns and rows of a data set the model was trained on, out of those that are to go."""
    settings = artefact.card.get("settings", {})
    filters = [text for text in (settings.get("where"), where) if text is not None]
    for text in filters:
        RowFilter.of(text)  # each by itself, so that no parenthesis of one closes the other
    both = " and ".join(f"({text}\n)" for text in filters) or None  # a filter may end in a comment
    return Columns(artefact.features, artefact.target, both, settings.get("key"))


def read_removed(artefact: Artefact, partitions: Sequence[Partition], report: Report) -> list[RowSummary]:
    """Read the rows to take out."""
    fraction = float(artefact.card.get("settings", {}).get("test_fraction") or 0.0)
    read = read_partitions(partitions, fraction, LocalEngine(), None, report)
    removed = [part.training for part in read if part.training is not None]
    if not removed:
        raise DataError("there are no rows to take out: none was in the training")
    return removed
