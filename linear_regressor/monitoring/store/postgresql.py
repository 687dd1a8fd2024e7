"""``PostgresqlDatabase``: the feedback store in PostgreSQL, for any number of machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StoreError, StoreUnavailable
from linear_regressor.monitoring.store.database import READ_VERSION, REPLACED, VERSION_TABLE, Database, Session
from linear_regressor.monitoring.store.feedback import Feedback, Outcome
from linear_regressor.monitoring.store.location import StoreLocation

if TYPE_CHECKING:
    import psycopg
    from psycopg.adapt import Dumper

# Advisory locks. Writers share the first from before they draw serial numbers until their commit, so whoever holds it
# alone knows that no smaller number will be committed. Jobs that change anything else hold the second.
WRITERS, JOBS = 0x6C72_0001, 0x6C72_0002
# PostgreSQL's ids of the types of elements.
INT4, BYTEA, FLOAT8 = 23, 17, 701
# Waiting for a server that does not respond: seconds to connect, milliseconds for unanswered packets and for a group.
PATIENCE: dict[str, Any] = {"connect_timeout": 2, "tcp_user_timeout": 5000, "keepalives_idle": 5,
                            "keepalives_interval": 1, "keepalives_count": 3}
GROUP_TIMEOUT = "SET statement_timeout = 5000"
# For a lock that another session holds, such as a migration that hangs; milliseconds, for each statement.
LOCK_TIMEOUT = "SET lock_timeout = 5000"
# A database may acknowledge commits before they are on disk, by its configuration.
DURABLE = ("SELECT set_config('synchronous_commit', 'on', false) "
           "WHERE current_setting('synchronous_commit') = 'off'")

# Largest serial number that was given, 0 for none; a sequence says 1 before its first number.
LAST_SERIAL = """
SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence('feedback_row', 'serial')::regclass), 0)
"""
# The lock comes first: no row, and so no serial number, is made before it.
INSERT = """
WITH turn AS MATERIALIZED (
    SELECT 1 FROM pg_advisory_xact_lock_shared(%s), feedback_store WHERE identity = %s),
given AS MATERIALIZED (
    SELECT given.* FROM turn, unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::float8[])
        AS given (request, principal, key, model, digest, received)),
new AS (
    INSERT INTO feedback_request (principal, key, model, digest, received)
    SELECT principal, key, model, digest, received FROM given ORDER BY request
    ON CONFLICT (principal, key) DO NOTHING RETURNING id, principal, key),
rows AS (
    INSERT INTO feedback_row (request, place, x, y)
    SELECT new.id, given_row.place, given_row.x, given_row.y
    FROM unnest(%s::int[], %s::int[], %s::bytea[], %s::float8[]) AS given_row (request, place, x, y)
    JOIN given USING (request) JOIN new USING (principal, key)
    ORDER BY given_row.request, given_row.place)
SELECT given.request FROM given JOIN new USING (principal, key)
"""
KNOWN = """
SELECT given.request, known.digest
FROM unnest(%s::int[], %s::text[], %s::text[]) AS given (request, principal, key)
JOIN feedback_request known USING (principal, key)
"""


class PostgresqlDatabase(Database):
    """One connection of each process for groups of requests, opened again after an error."""

    def __init__(self, location: StoreLocation) -> None:
        super().__init__(location)
        self._parameters = connection_parameters(location)
        self._writer: psycopg.Connection[Any] | None = None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a connection to read from; see ``Database``."""
        with self._translated(), self._open(autocommit=True) as connection:
            yield Session(connection, "%s")

    @contextmanager
    def changing(self) -> Iterator[Session]:
        """Open a connection with a transaction; see ``Database``."""
        with self._translated(), self._open() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (JOBS,))
            yield Session(connection, "%s")

    def insert(self, group: Sequence[Feedback], identity: str) -> list[Outcome]:
        """Commit the rows of several requests; see ``Database``."""
        try:
            with self._translated():
                if self._writer is None:
                    self._writer = self._open(autocommit=True)  # a group is one statement
                    self._writer.adapters.register_dumper(BinaryArray, _dumper())
                    self._writer.execute(GROUP_TIMEOUT)
                    self._writer.execute(DURABLE)
                return self._stored(_insert(self._writer, group, identity))
        except BaseException:
            self.close()
            raise

    def _stored(self, outcomes: list[Outcome | None]) -> list[Outcome]:
        """Reject a group of which the store has neither rows nor keys."""
        found = [outcome for outcome in outcomes if outcome is not None]
        if len(found) < len(outcomes):
            raise StoreUnavailable(f"the feedback store {self.location} {REPLACED}, or keys were pruned just now")
        return found

    def newest(self) -> int:
        """Return the largest serial number, after all commits that have drawn theirs; see ``Database``."""
        with self._translated(), self._open() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))
            row = connection.execute("SELECT COALESCE(MAX(serial), 0) FROM feedback_row").fetchone()
        return int(row[0]) if row else 0

    def numbered(self) -> int:
        """Return the largest serial number that was ever given; see ``Database``."""
        with self.reading() as session:
            return int(session.all(LAST_SERIAL)[0][0])

    def continue_after(self, serial: int) -> None:
        """Give new rows larger serial numbers; see ``Database``."""
        with self.changing() as session:
            session.all("SELECT pg_advisory_xact_lock(?)", WRITERS)  # nobody draws a number meanwhile
            last = int(session.all(LAST_SERIAL)[0][0])
            session.all("SELECT setval(pg_get_serial_sequence('feedback_row', 'serial'), ?)", max(last, serial))

    def deleted(self) -> None:
        """No-op: the database's autovacuum reclaims deleted rows."""

    def _open(self, autocommit: bool = False) -> psycopg.Connection[Any]:
        """Connect and check the version."""
        import psycopg

        connection = psycopg.connect(**self._parameters, autocommit=autocommit)
        try:
            connection.execute(LOCK_TIMEOUT)
            table = connection.execute("SELECT to_regclass(%s)", (VERSION_TABLE,)).fetchone()
            self.require_version(connection.execute(READ_VERSION).fetchall() if table and table[0] else None)
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the connection that stays open; see ``Database``."""
        connection, self._writer = self._writer, None
        if connection is not None:
            import psycopg

            with suppress(psycopg.Error):
                connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise StoreUnavailable(f"the feedback store {self.location} is unavailable: {reason}") from None


def connection_parameters(location: StoreLocation) -> dict[str, Any]:
    """Read the URL as PostgreSQL's own clients do; what it says about waiting has priority."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        return {**PATIENCE, **conninfo_to_dict(location.address)}
    except psycopg.Error:  # its text may have part of a password
        raise StoreError(f"the URL of the feedback store {location} has a parameter that PostgreSQL does not "
                         "know") from None


class BinaryArray:
    """An array in PostgreSQL's binary form, made by NumPy: psycopg would convert a list element by element.

    The values are numbers in network byte order, or byte strings of one length; ``oid`` is the id of their type.
    """

    def __init__(self, values: NDArray[Any], oid: int) -> None:
        items = np.empty(len(values), [("size", ">i4"), ("value", values.dtype)])
        items["size"], items["value"] = values.dtype.itemsize, values
        self.content = np.array([1, 0, oid, len(values), 1], ">i4").tobytes() + items.tobytes()


def _insert(connection: psycopg.Connection[Any], group: Sequence[Feedback], identity: str) -> list[Outcome | None]:
    """Insert the rows of all requests whose key is new in one statement, then look at the other keys."""
    first: dict[tuple[str, str], int] = {}
    for place, feedback in enumerate(group):
        first.setdefault((feedback.principal or "", feedback.key), place)
    chosen = list(first.values())
    requests = [(place, group[place].principal or "", group[place].key, group[place].model, group[place].digest,
                 group[place].received) for place in chosen]
    X = np.concatenate([group[place].row_bytes for place in chosen])
    y = np.concatenate([group[place].y for place in chosen])
    sizes = [len(group[place].y) for place in chosen]
    result = connection.execute(INSERT, [
        WRITERS, identity, *map(list, zip(*requests, strict=True)),
        BinaryArray(np.repeat(chosen, sizes).astype(">i4"), INT4),
        BinaryArray(np.concatenate([np.arange(size) for size in sizes]).astype(">i4"), INT4),
        BinaryArray(X, BYTEA), BinaryArray(y.astype(">f8"), FLOAT8)])
    return _outcomes(connection, group, {row[0] for row in result.fetchall()})


def _dumper() -> type[Dumper]:
    """Make the class by which psycopg sends binary arrays; their type follows from the statement."""
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class BinaryArrayDumper(Dumper):
        """Sends what is there."""

        format = Format.BINARY

        def dump(self, obj: BinaryArray) -> bytes:
            """Return the content."""
            return obj.content

    return BinaryArrayDumper


def _outcomes(connection: psycopg.Connection[Any], group: Sequence[Feedback], stored: set[int]) -> list[Outcome | None]:
    """Compare the requests that were not stored with those of the same key that were."""
    others = [place for place in range(len(group)) if place not in stored]
    digests: dict[int, bytes] = {}
    if others:
        known = connection.execute(KNOWN, [others, [group[place].principal or "" for place in others],
                                           [group[place].key for place in others]]).fetchall()
        digests = {place: bytes(digest) for place, digest in known}
    return ["stored" if place in stored else None if place not in digests else
            "repeated" if digests[place] == feedback.digest else "conflict" for place, feedback in enumerate(group)]
