"""``FeedbackStore``: feedback rows in the order of their commits, and the blocks made of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.monitoring.store.feedback import Feedback, Outcome, Rows, StoredBlock
from linear_regressor.monitoring.store.location import StoreLocation

# A block's first serial number, caller and answering model.
BlockKey = tuple[int, str | None, str]


class FeedbackStore:
    """Feedback in one database.

    Errors are ``StoreError``, and ``StoreUnavailable`` while the database is down.
    """

    def __init__(self, location: StoreLocation) -> None:
        self.location = location

    @property
    def identity(self) -> str:
        """Random id that ``store migrate`` gave the store."""
        raise NotImplementedError

    @property
    def features(self) -> tuple[str, ...] | None:
        """Names of the features, in order; None until they are recorded."""
        raise NotImplementedError

    @property
    def target(self) -> str | None:
        """Name of the target; None until it is recorded."""
        raise NotImplementedError

    def require_columns(self, features: tuple[str, ...], target: str) -> None:
        """Record what the rows consist of, once, and refuse other features or another target from then on."""
        raise NotImplementedError

    def add(self, feedback: Feedback) -> Outcome:
        """Store the rows of a request; return after the commit, which threads share."""
        raise NotImplementedError

    def last_serial(self) -> int:
        """Serial number of the newest row, 0 if there is none; no later commit has a smaller one."""
        raise NotImplementedError

    def cut_blocks(self, whole: bool = False) -> None:
        """Close blocks of the complete intervals of new rows; ``whole`` closes the remaining rows, too."""
        raise NotImplementedError

    def blocks(self, after: int = 0) -> list[StoredBlock]:
        """Return the closed blocks whose rows all come after a serial number, in order."""
        raise NotImplementedError

    def rows(self, after: int = 0, until: int | None = None) -> Iterator[Rows]:
        """Yield the rows after a serial number up to another one, in pieces; pruned rows are missing."""
        raise NotImplementedError

    def outside(self, model: Artefact, after: int = 0) -> dict[BlockKey, int]:
        """Count the rows of each closed block that lie outside the model's own 90 % interval, and keep the counts.

        A block is missing if it was pruned before it was counted, or if the model has no such interval.
        """
        raise NotImplementedError

    def repeated(self) -> int:
        """Number of rows that are equal to an older row under another key."""
        raise NotImplementedError

    def prune(self, before: datetime, model: Artefact) -> int:
        """Delete the rows of closed blocks received before a time, after counting them for the model in use."""
        raise NotImplementedError
