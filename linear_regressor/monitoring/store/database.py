"""``Database``: what the feedback store needs of a database; the two databases implement it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from linear_regressor.errors import StoreError
from linear_regressor.monitoring.store.feedback import Feedback, Outcome
from linear_regressor.monitoring.store.location import StoreLocation

# The newest migration; its version is one row that alembic writes.
VERSION = "1"
VERSION_TABLE = "feedback_version"
READ_VERSION = "SELECT version_num FROM feedback_version"
READ_IDENTITY = "SELECT identity FROM feedback_store"
REPLACED = "has been replaced by another one"

MIGRATE = "run 'linear-regressor store migrate' with the same STORE"


class Session:
    """A connection; statements have a question mark for each value."""

    def __init__(self, connection: Any, placeholder: str = "?") -> None:
        self.connection, self._placeholder = connection, placeholder

    def all(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement and return all rows of its result."""
        rows: list[Any] = self._run(statement, values).fetchall()
        return rows

    def do(self, statement: str, *values: Any) -> int:
        """Run a statement and return the number of changed rows."""
        changed: int = self._run(statement, values).rowcount
        return changed

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row of values."""
        self.connection.cursor().executemany(statement.replace("?", self._placeholder), list(rows))

    def _run(self, statement: str, values: Sequence[Any]) -> Any:
        return self.connection.cursor().execute(statement.replace("?", self._placeholder), values)


class Database(ABC):
    """A database with the tables of the store. Its errors are ``StoreError``."""

    def __init__(self, location: StoreLocation) -> None:
        self.location = location

    @contextmanager
    @abstractmethod
    def reading(self) -> Iterator[Session]:
        """Open a connection to read from; every statement sees what was committed before it."""

    @contextmanager
    @abstractmethod
    def changing(self) -> Iterator[Session]:
        """Open a connection with a transaction, of which there is one at a time."""

    def inserting(self) -> AbstractContextManager[None]:
        """Hold what only one process may hold while it inserts; nothing where the database itself takes care of it."""
        return nullcontext()

    @abstractmethod
    def insert(self, group: Sequence[Feedback], identity: str) -> list[Outcome]:
        """Commit the rows of several requests in one transaction, on a connection that stays open.

        The caller holds ``inserting``; the transaction checks that the store still has this identity.
        """

    @abstractmethod
    def newest(self) -> int:
        """Return the largest serial number of any row, 0 if there is none; no later commit has a smaller one."""

    @abstractmethod
    def numbered(self) -> int:
        """Return the largest serial number that was ever given, also to rows that are deleted; 0 if there is none."""

    @abstractmethod
    def continue_after(self, serial: int) -> None:
        """Give new rows larger serial numbers than this one; never smaller ones than before."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection that stays open; the next group opens another."""

    @abstractmethod
    def deleted(self) -> None:
        """Hook: rows were deleted."""

    def require_version(self, found: Sequence[Any] | None) -> None:
        """Reject a store without tables, or of another version."""
        if found is None:
            raise StoreError(f"the feedback store {self.location} has no tables yet: {MIGRATE}")
        if [tuple(row) for row in found] != [(VERSION,)]:
            shown = ", ".join(str(row[0]) for row in found) or "none"
            raise StoreError(f"the feedback store {self.location} has version {shown}, and this program needs "
                             f"{VERSION}: {MIGRATE}, or use the program that belongs to it")
