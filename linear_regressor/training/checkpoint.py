"""``Checkpoint``: what a run has finished, kept beside its output, so that a killed one goes on where it was."""

from __future__ import annotations

import json
import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any

from linear_regressor.artefact.plain_values import digest_of, summary_from_plain, summary_to_plain
from linear_regressor.data.source import Partition
from linear_regressor.errors import ArtefactError
from linear_regressor.training.partition_moments import PartitionMoments

logger = logging.getLogger(__name__)

# Packages whose version can change what is computed of a piece in its last digits.
PACKAGES = ("linear-regressor", "numpy", "pyarrow")


class Checkpoint:
    """A file of one finished result a line, each under the digest of everything that decided it.

    A line that was torn when the process was killed is dropped, and so is one that its own digest does not prove. What
    belongs to another recipe or to a file that has changed is not found, so it is computed anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: dict[str, Any] = {}
        content = path.read_bytes() if path.exists() else b""
        whole = content[:content.rfind(b"\n") + 1]
        for line in whole.splitlines():
            self._kept.update(_entry(line))
        if len(whole) < len(content):
            with open(path, "r+b") as file:
                file.truncate(len(whole))

    @classmethod
    def beside(cls, output: Path) -> Checkpoint:
        """Open the checkpoint of a run by its output: ``model.joblib.progress``."""
        return cls(output.with_name(f"{output.name}.progress"))

    def kept(self, key: str) -> Any:
        """Find a result."""
        return self._kept.get(key)

    def keep(self, key: str, result: Any) -> None:
        """Add a result to the file in one write."""
        self._kept[key] = result
        line = {"key": key, "result": result, "sha256": digest([key, result])}
        _make_folder(self.path)
        try:
            with open(self.path, "ab") as file:
                file.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            error.filename = str(self.path)  # a failed write names no file
            raise

    def tell(self, found: int, wanted: int) -> None:
        """Tell the log what comes from the checkpoint, where there is one."""
        if found:
            logger.info("%d of %d pieces are taken from %s", found, wanted, self.path)
        elif self._kept:
            logger.info("%s is of other data or another recipe: it is ignored", self.path)

    def remove(self) -> None:
        """Remove the file, once what it was for is finished."""
        self.path.unlink(missing_ok=True)


def key_of(partition: Partition, test_fraction: float) -> str:
    """Digest of everything that decides the moments of a piece: file, columns, split, and what computes them."""
    file, columns = partition.file, partition.columns
    return digest([file.path, file.size, file.modified, str(partition.parts), columns.features, columns.target,
                   columns.where, columns.key, test_fraction, *(version(name) for name in PACKAGES)])


def digest(plain: Any) -> str:
    """SHA-256 of plain values, in the form that `.progress` files and the names of predicted parts are bound to."""
    return digest_of(plain, separators=(", ", ": "), allow_nan=True)


def as_plain(moments: PartitionMoments) -> dict[str, Any]:
    """Write the moments of a piece as plain values."""
    return {name: None if part is None else summary_to_plain(part)
            for name, part in (("training", moments.training), ("test", moments.test))}


def from_plain(plain: Any, p: int) -> PartitionMoments | None:
    """Read the moments of a piece back, to the last digit."""
    if not isinstance(plain, dict) or plain.keys() != {"training", "test"}:
        return None
    try:
        training, test = (None if part is None else summary_from_plain(part)
                          for part in (plain["training"], plain["test"]))
    except ArtefactError:
        return None
    read = PartitionMoments(training, test)
    return read if all(part is None or part.moments.p == p for part in (read.training, read.test)) else None


def _entry(line: bytes) -> dict[str, Any]:
    """Read a line, which is empty of meaning where its digest does not prove it: a disk may lose or change a part."""
    try:
        entry = json.loads(line)
        key, result = entry["key"], entry["result"]
        proven = isinstance(key, str) and entry["sha256"] == digest([key, result])
    except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError):
        return {}
    return {key: result} if proven else {}


def _make_folder(path: Path) -> None:
    """Make the folder of a file, or say what is in its place."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise NotADirectoryError(error.errno, f"cannot be written, because {error.filename} is a file and no folder",
                                 str(path)) from None
