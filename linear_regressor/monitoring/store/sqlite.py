"""``SqliteDatabase``: the feedback store in one file, for the workers of one machine."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from linear_regressor.errors import StoreError, StoreUnavailable
from linear_regressor.monitoring.store.database import (
    MIGRATE,
    READ_IDENTITY,
    READ_VERSION,
    REPLACED,
    VERSION_TABLE,
    Database,
    Session,
)
from linear_regressor.monitoring.store.feedback import Feedback, Outcome
from linear_regressor.monitoring.store.location import StoreLocation

# For readers and checkpoints; writers wait for the lock file instead, whose queue is fairer than polling.
BUSY_SECONDS = 5.0
# Rows that a statement inserts: one for each row would change the last serial number as often, and release the
# interpreter's lock, which the writer would wait for while all processes wait for the writer.
ROWS_OF_STATEMENT = 128


class SqliteDatabase(Database):
    """One writer at a time over all processes; a commit is on disk when it returns."""

    def __init__(self, location: StoreLocation) -> None:
        super().__init__(location)
        self._path = Path(location.address).absolute()
        self._writer: sqlite3.Connection | None = None
        # the file that the connection had when it was opened
        self._file: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a connection to read from; see ``Database``."""
        with self._translated(), closing(self._open()) as connection:
            yield Session(connection)

    @contextmanager
    def changing(self) -> Iterator[Session]:
        """Open a connection with a transaction; see ``Database``."""
        with self._translated(), locked(self._path), closing(self._open()) as connection, transaction(connection):
            yield Session(connection)

    @contextmanager
    def inserting(self) -> Iterator[None]:
        """Hold the lock of all writers; see ``Database``."""
        with self._translated(), locked(self._path):
            yield

    def insert(self, group: Sequence[Feedback], identity: str) -> list[Outcome]:
        """Commit the rows of several requests; see ``Database``."""
        try:
            with self._translated():
                connection = self._current()
                with transaction(connection):
                    if connection.execute(READ_IDENTITY).fetchall() != [(identity,)]:
                        raise StoreUnavailable(f"the feedback store {self.location} {REPLACED}")
                    return _insert(connection, group)
        except StoreError:
            self.close()
            raise

    def newest(self) -> int:
        """Return the largest serial number; see ``Database``."""
        with self.reading() as session:  # there is one writer, so commits are in the order of their numbers
            return int(session.all("SELECT COALESCE(MAX(serial), 0) FROM feedback_row")[0][0])

    def numbered(self) -> int:
        """Return the largest serial number that was ever given; see ``Database``."""
        with self.reading() as session:
            found = session.all("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'feedback_row'")
            return int(found[0][0])

    def continue_after(self, serial: int) -> None:
        """Give new rows larger serial numbers; see ``Database``."""
        with self.changing() as session:
            if not session.do("UPDATE sqlite_sequence SET seq = MAX(seq, ?) WHERE name = 'feedback_row'", serial):
                session.do("INSERT INTO sqlite_sequence (name, seq) VALUES ('feedback_row', ?)", serial)

    def deleted(self) -> None:
        """Remove deleted rows from the write-ahead log, too; if a reader prevents it, the next checkpoint does it."""
        with self.reading() as session:
            session.do("PRAGMA wal_checkpoint(TRUNCATE)")

    def _current(self) -> sqlite3.Connection:
        """Return the connection that stays open; a deleted or replaced file would take rows that nobody can read."""
        if self._writer is not None and _file_of(self._path) != self._file:
            self.close()
        if self._writer is None:
            file = _file_of(self._path)
            self._writer, self._file = self._open(), file
        return self._writer

    def _open(self) -> sqlite3.Connection:
        """Connect and check the version."""
        if not self._path.is_file():
            raise StoreError(f"the feedback store {self.location} does not exist: {MIGRATE}")
        # One thread at a time uses a connection, but not always the same one. Transactions are explicit.
        connection = sqlite3.connect(f"{self._path.as_uri()}?mode=rw", timeout=BUSY_SECONDS, isolation_level=None,
                                     check_same_thread=False, uri=True)
        try:
            configure(connection)
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERSION_TABLE,)).fetchall()
            self.require_version(connection.execute(READ_VERSION).fetchall() if found else None)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the connection that stays open; see ``Database``."""
        connection, self._writer = self._writer, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StoreUnavailable(f"the feedback store {self.location} is unavailable: {reason}") from None


def _file_of(path: Path) -> tuple[int, int] | None:
    """Identify the file that has this path now; None if there is none."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def configure(connection: sqlite3.Connection) -> None:
    """Sync each commit to disk, and overwrite what is deleted."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of all writers; the system releases it if the process is killed.

    It is a file of its own: closing the database file would drop SQLite's own locks of this process.
    """
    handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end, or roll back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise


def _insert(connection: sqlite3.Connection, group: Sequence[Feedback]) -> list[Outcome]:
    """Insert the rows of each request whose key is not known, in the order of the requests."""
    outcomes: list[Outcome] = []
    values: list[Any] = []
    for feedback in group:
        caller, digest = feedback.principal or "", feedback.digest
        request = connection.execute(
            "INSERT INTO feedback_request (principal, key, model, digest, received) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (principal, key) DO NOTHING",
            (caller, feedback.key, feedback.model, digest, feedback.received))
        if request.rowcount:
            outcomes.append("stored")
            for place, (x, y) in enumerate(zip(feedback.row_bytes.tolist(), feedback.y.tolist(), strict=True)):
                values += (request.lastrowid, place, x, y)
        else:
            known = connection.execute("SELECT digest FROM feedback_request WHERE principal = ? AND key = ?",
                                       (caller, feedback.key)).fetchone()
            outcomes.append("repeated" if known == (digest,) else "conflict")
    for start in range(0, len(values), 4 * ROWS_OF_STATEMENT):
        part = values[start:start + 4 * ROWS_OF_STATEMENT]
        connection.execute(_insertion(len(part) // 4), part)
    return outcomes


@lru_cache(ROWS_OF_STATEMENT)
def _insertion(rows: int) -> str:
    """Make the statement that inserts as many rows."""
    places = ", ".join(["(?, ?, ?, ?)"] * rows)
    return f"INSERT INTO feedback_row (request, place, x, y) VALUES {places}"  # nosec B608  # places are question marks
