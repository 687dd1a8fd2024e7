"""``Checkpoint``: finished results of a run, kept beside its output so that a killed run can continue."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, astuple
from importlib.metadata import version
from pathlib import Path
from typing import Any

from linear_regressor.artefact.model_location import BucketUrl, ModelLocation
from linear_regressor.artefact.plain_values import (
    count,
    digest_of,
    listed,
    members,
    summary_from_plain,
    summary_to_plain,
)
from linear_regressor.cleaning.steps import steps_to_plain
from linear_regressor.data.content_sum import ContentSum
from linear_regressor.data.missing import MissingRows
from linear_regressor.data.source import Partition
from linear_regressor.errors import ArtefactError, SettingError
from linear_regressor.output_file import is_stream, make_folder_of, remove_file
from linear_regressor.training.partition_moments import PartitionMoments
from linear_regressor.training.row_sample import bins_from_plain, bins_to_plain

logger = logging.getLogger(__name__)

# Packages whose version can change the last digits of the moments of a partition.
PACKAGES = ("linear-regressor", "numpy", "pyarrow")


class Checkpoint:
    """A file with one result a line, each under a key that is the digest of everything that decides the result.

    Torn or damaged lines, and results of other data or another configuration, are ignored. Without a path nothing is
    kept.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._results: dict[str, Any] = {}
        if path is None:
            return
        if is_stream(path):
            raise SettingError(f"{path} keeps the progress of this run: it must be a file, not a device or pipe")
        content = path.read_bytes() if path.exists() else b""
        complete = content[:content.rfind(b"\n") + 1]
        for line in complete.splitlines():
            self._results.update(_read_line(line))
        if len(complete) < len(content):
            with open(path, "r+b") as file:
                file.truncate(len(complete))

    @classmethod
    def beside(cls, output: ModelLocation) -> Checkpoint:
        """Open the checkpoint of an output, such as ``model.joblib.progress``; a device, pipe or bucket has none."""
        if isinstance(output, BucketUrl) or is_stream(output):
            return cls(None)
        return cls(output.with_name(f"{output.name}.progress"))

    def get(self, key: str) -> Any:
        """Return a result, or None if there is none."""
        return self._results.get(key)

    def add(self, key: str, result: Any) -> None:
        """Append a result to the file in one write."""
        self._results[key] = result
        line = {"key": key, "result": result, "sha256": digest([key, result])}
        if self.path is None:
            return
        try:
            make_folder_of(self.path)
        except (FileExistsError, NotADirectoryError) as error:
            raise NotADirectoryError(error.errno, f"cannot be written, because {error.filename} is not a folder",
                                     str(self.path)) from None
        try:
            with open(self.path, "ab") as file:
                file.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            error.filename = str(self.path)  # Python does not name the file of a failed write
            raise

    def log_restored(self, restored: int, required: int) -> None:
        """Log how many partitions need not be read again."""
        if restored:
            logger.info("%d of %d partitions are restored from %s", restored, required, self.path)
        elif self._results:
            logger.info("%s belongs to other data or another configuration: ignored", self.path)

    def remove(self) -> None:
        """Remove the file, once the output is written."""
        if self.path is not None:
            remove_file(self.path)


def key_of(partition: Partition, test_fraction: float) -> str:
    """Digest of everything that decides the moments of a partition: file, columns, split and package versions."""
    file, columns = partition.file, partition.columns
    return digest([file.path, file.size, file.modified, astuple(file.reading), file.folder_columns,
                   str(partition.parts), columns.features, columns.target, columns.where, columns.key, test_fraction,
                   columns.drop_missing,
                   *(version(name) for name in PACKAGES),
                   *([[steps_to_plain(columns.steps), partition.dropped.hex()]] if columns.steps else [])])


def digest(plain: Any) -> str:
    """SHA-256 of plain values, in the form that ``.progress`` files and the names of predicted parts have."""
    return digest_of(plain, separators=(", ", ": "), allow_nan=True)


def as_plain(moments: PartitionMoments) -> dict[str, Any]:
    """Moments and histograms of a partition as plain values."""
    return {**{name: None if summary is None else summary_to_plain(summary)
               for name, summary in (("training", moments.training), ("test", moments.test))},
            "bins": None if moments.bins is None else bins_to_plain(moments.bins),
            "content": None if moments.content is None else list(astuple(moments.content)),
            "missing": None if moments.missing is None else asdict(moments.missing)}


def from_plain(plain: Any, p: int) -> PartitionMoments | None:
    """Moments of plain values to the last digit; None if they are not moments of p features."""
    if not isinstance(plain, dict) or plain.keys() != {"training", "test", "bins", "content", "missing"}:
        return None
    try:
        training, test = (None if plain[name] is None else summary_from_plain(plain[name])
                          for name in ("training", "test"))
        bins = None if plain["bins"] is None else bins_from_plain(plain["bins"])
        rows, *sums = (count(each, "content") for each in listed(plain["content"], "content"))
        content = ContentSum(rows, *sums)
        missing = None if plain["missing"] is None else _missing_from_plain(plain["missing"])
    except (ArtefactError, TypeError, ValueError):
        return None
    if any(summary is not None and summary.moments.p != p for summary in (training, test)):
        return None
    if (training is None) != (bins is None) or (bins is not None and len(bins) != p):
        return None
    if content.rows != sum(each.moments.n for each in (training, test) if each is not None):
        return None
    return PartitionMoments(training, test, bins, content, missing)


def _missing_from_plain(plain: Any) -> MissingRows:
    """Counts of plain values; raises ArtefactError for others."""
    values = members(plain, "missing", {"rows", "missing", "columns"})
    columns = members(values["columns"], "missing", dict(values["columns"]).keys())
    return MissingRows(count(values["rows"], "missing"), count(values["missing"], "missing"),
                       {name: count(each, "missing") for name, each in columns.items()})


def _read_line(line: bytes) -> dict[str, Any]:
    """Key and result of a line; empty if its digest does not match, since disks can lose or change parts of it."""
    try:
        entry = json.loads(line)
        key, result = entry["key"], entry["result"]
        valid = isinstance(key, str) and entry["sha256"] == digest([key, result])
    except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError):
        return {}
    return {key: result} if valid else {}
