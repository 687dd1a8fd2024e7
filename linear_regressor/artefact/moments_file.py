"""``MomentsFile``: moments in a self-verifying JSON file, with the digests of the rows they come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linear_regressor.artefact.plain_values import digest_of, summary_from_plain, summary_to_plain, text, texts, verify
from linear_regressor.errors import ArtefactError, MomentsError
from linear_regressor.model.moments import RowSummary
from linear_regressor.output_file import write_file

FORMAT = 1
SUMMARY_KEYS = {"n", "m", "C", "minimum", "maximum"}
KEYS = SUMMARY_KEYS | {"format", "features", "target", "added", "removed"}


@dataclass(frozen=True, eq=False)
class MomentsFile:
    """Moments of some rows with the names of their columns."""

    # names of the p features, in order
    features: tuple[str, ...]
    # name of the target
    target: str
    summary: RowSummary
    # digests of the sets of rows that are included, and of those that were removed; no digest is in both
    added: tuple[str, ...]
    removed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the number of features."""
        if len(self.features) != self.summary.moments.p:
            raise ArtefactError(f"it must name each of the {self.summary.moments.p} features")

    @classmethod
    def of(cls, features: tuple[str, ...], target: str, summary: RowSummary) -> MomentsFile:
        """Build a moments file of rows that were just read."""
        return cls(features, target, summary, (summary.digest,))

    def merge(self, other: MomentsFile) -> MomentsFile:
        """Return the moments of both sets of rows."""
        self._require_same_columns(other)
        added = _unique((*self.added, *other.added), "added")
        removed = _unique((*self.removed, *other.removed), "removed")
        return self._with(self.summary + other.summary, added, [digest for digest in removed if digest not in added])

    def subtract(self, other: MomentsFile) -> MomentsFile:
        """Return the moments without the rows of another file."""
        self._require_same_columns(other)
        removed = _unique((*self.removed, *other.added), "removed")
        # rows that the other file lacks remain in this one
        added = [digest for digest in dict.fromkeys((*self.added, *other.removed)) if digest not in removed]
        return self._with(self.summary - other.summary, added, removed)

    def _with(self, summary: RowSummary, added: Iterable[str], removed: Iterable[str]) -> MomentsFile:
        """Return another summary under the same names."""
        return MomentsFile(self.features, self.target, summary, tuple(added), tuple(removed))

    def _require_same_columns(self, other: MomentsFile) -> None:
        """Reject moments of other columns."""
        mine, others = (*self.features, self.target), (*other.features, other.target)
        if mine != others:
            raise MomentsError(f"moments of {', '.join(mine)} cannot be combined with moments of {', '.join(others)}")

    def save(self, path: Path) -> None:
        """Write the file."""
        plain = {"format": FORMAT, "features": list(self.features), "target": self.target,
                 **summary_to_plain(self.summary), "added": list(self.added), "removed": list(self.removed)}
        content = json.dumps({**plain, "sha256": digest_of(plain)}, indent=1, allow_nan=False)
        write_file(path, lambda file: file.write(content.encode("ascii") + b"\n"))

    @classmethod
    def load(cls, path: Path) -> MomentsFile:
        """Read and check a file."""
        try:
            return cls._from_plain(_parse(path.read_bytes()))
        except OSError as error:
            reason = error.strerror
        except ArtefactError as error:
            reason = f"{error}"
        raise ArtefactError(f"cannot use the moments file {path}: {reason}; create one with 'linear-regressor moments "
                            f"build'")

    @classmethod
    def _from_plain(cls, plain: Any) -> MomentsFile:
        """Build a moments file from plain values."""
        values = verify(plain, "moments file", {FORMAT: KEYS})
        summary = summary_from_plain({name: values[name] for name in SUMMARY_KEYS})
        return cls(texts(values["features"], "features"), text(values["target"], "target"), summary,
                   texts(values["added"], "added"), texts(values["removed"], "removed"))


def _parse(content: bytes) -> Any:
    """Parse JSON, without the NaN and infinity that Python accepts."""
    try:
        return json.loads(content, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"it is not JSON ({error})") from None


def _reject_constant(name: str) -> float:
    """Reject NaN and infinity, which are not JSON."""
    raise ArtefactError(f"it has {name}, but moments are finite")


def _unique(digests: Sequence[str], how: str) -> Sequence[str]:
    """Reject rows that would count twice."""
    for position, digest in enumerate(digests):
        if digest in digests[:position]:
            raise MomentsError(f"the same rows (digest {digest[:12]}...) would be {how} twice")
    return digests
