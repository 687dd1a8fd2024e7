"""``migrate``: make or update the tables of a feedback store; the only module that needs alembic."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from linear_regressor.errors import StoreError, StoreUnavailable
from linear_regressor.monitoring.store.database import VERSION_TABLE
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.postgresql import JOBS, connection_parameters
from linear_regressor.monitoring.store.sqlite import BUSY_SECONDS, configure, locked

if TYPE_CHECKING:
    import psycopg

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(location: StoreLocation) -> str:
    """Bring a store to the newest version, unless it has it, and return that version; concurrent calls take turns."""
    try:
        with (_sqlite if location.kind == "sqlite" else _postgresql)(location) as connection:
            return _upgrade(connection, location)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error).split())
        raise StoreUnavailable(f"the feedback store {location} cannot be migrated: {reason}") from None


def _upgrade(connection: Connection, location: StoreLocation) -> str:
    """Run the migrations that are missing."""
    script = ScriptDirectory(str(SCRIPTS))
    newest = str(script.get_current_head())
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    current = context.get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in known:
        raise StoreError(f"the feedback store {location} has version {current}, which this program does not know: use "
                         "a newer program")
    for revision in reversed(list(script.iterate_revisions(newest, current or "base"))):
        with Operations.context(context):
            revision.module.upgrade()
        context.stamp(script, revision.revision)
        if revision.down_revision is None:
            connection.execute(text("INSERT INTO feedback_store (id, identity) VALUES (1, :identity)"),
                               {"identity": secrets.token_hex(16)})
    return newest


@contextmanager
def _sqlite(location: StoreLocation) -> Iterator[Connection]:
    """Open the file, which only its owner can read if it is new, in a transaction under the lock of all writers."""
    path = Path(location.address).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            configure(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    with locked(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with create_engine("sqlite://", creator=connect, poolclass=NullPool).connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver would begin after the first CREATE TABLE
            yield connection
            connection.commit()


@contextmanager
def _postgresql(location: StoreLocation) -> Iterator[Connection]:
    """Connect by the same parameters as the server, in a transaction under the lock of all jobs."""
    parameters = connection_parameters(location)

    def connect() -> psycopg.Connection[Any]:
        import psycopg

        return psycopg.connect(**parameters)

    with create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool).begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": JOBS})
        yield connection
