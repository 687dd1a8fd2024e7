"""The store in PostgreSQL keeps the promises of the one in SQLite."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from linear_regressor.errors import StoreUnavailable
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.database import VERSION
from linear_regressor.monitoring.store.feedback import Feedback
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from linear_regressor.monitoring.store.postgresql import WRITERS
from tests.postgresql import PostgresqlServer, postgresql_server
from tests.unit.monitoring import test_store as shared
from tests.unit.monitoring.test_store import Open, opened, send, store

__all__ = ["opened", "send", "store"]  # fixtures
# Every test of the store in SQLite but those that are about files.
globals().update({name: test for name, test in vars(shared).items()
                  if name.startswith("test_") and name not in (
                      "test_block_digests_differ_between_stores", "test_rows_never_go_to_a_deleted_file")})


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """Start a server."""
    with postgresql_server() as server:
        yield server


@pytest.fixture
def location(server: PostgresqlServer) -> Iterator[StoreLocation]:
    """Make an empty store, and remove it after the test."""
    psycopg = pytest.importorskip("psycopg")
    location = StoreLocation.parse(server.url)
    migrate(location)
    yield location
    with psycopg.connect(server.url) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def test_concurrent_migrations_take_turns_here_too(location: StoreLocation) -> None:
    """None fails, and the identity stays."""
    versions, identity = list[str](), open_store(location).identity
    threads = [threading.Thread(target=lambda: versions.append(migrate(location))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [VERSION] * 4 == versions and identity == open_store(location).identity


def test_blocks_wait_for_commits_that_have_their_serial_numbers(server: PostgresqlServer,
                                                                location: StoreLocation, opened: Open) -> None:
    """Else a row with a smaller number could appear in a closed block."""
    psycopg = pytest.importorskip("psycopg")
    store = opened(location)
    store.require_columns(("x0",), "y")
    with psycopg.connect(server.url) as slow:  # a worker that has drawn numbers and not committed yet
        slow.execute("SELECT pg_advisory_xact_lock_shared(%s)", (WRITERS,))
        slow.execute("INSERT INTO feedback_request (principal, key, model, digest, received) "
                     "VALUES ('', 'slow', 'm', '', 0)")
        slow.execute("INSERT INTO feedback_row (request, place, x, y) "
                     "SELECT 1, place, %s, 1.0 FROM generate_series(1, 9) place", (np.ones(1).tobytes(),))
        for key in range(6):
            assert "stored" == store.add(Feedback(np.full((10, 1), float(key)), np.zeros(10), f"{key}", None, "m"))
        cutting = threading.Thread(target=store.cut_blocks)
        cutting.start()
        cutting.join(0.5)
        assert cutting.is_alive()
    cutting.join(20)

    assert 1 == len(store.blocks())
    block = store.blocks()[0].block.rows
    assert (1, 50, 50) == (block.first, block.last, block.moments.n)


def test_no_serial_number_is_drawn_before_the_lock(server: PostgresqlServer, location: StoreLocation,
                                                   opened: Open) -> None:
    """While a job looks for the newest row, a group waits without a number."""
    psycopg = pytest.importorskip("psycopg")
    store, outcomes = opened(location), list[str]()
    store.require_columns(("x0",), "y")
    store.add(Feedback(np.ones((3, 1)), np.ones(3), "first", None, "m"))
    with psycopg.connect(server.url) as job:
        job.execute("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))
        adding = threading.Thread(
            target=lambda: outcomes.append(store.add(Feedback(np.ones((1, 1)), np.ones(1), "second", None, "m"))))
        adding.start()
        deadline = time.monotonic() + 20
        while not job.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchall():
            assert time.monotonic() < deadline
        assert [(3,)] == job.execute("SELECT last_value FROM feedback_row_serial_seq").fetchall()
        assert [(1,)] == job.execute("SELECT last_value FROM feedback_request_id_seq").fetchall()
    adding.join(20)

    assert ["stored"] == outcomes and 4 == store.last_serial()


def test_a_password_is_never_shown(server: PostgresqlServer) -> None:
    """Neither that of a URL that is refused nor that of one with unknown parameters."""
    for url in (server.url.replace(str(server.port), "1"), server.url.replace("postgres:", "nobody:"),
                server.url.replace("/postgres", "/none")):
        with pytest.raises(StoreUnavailable) as raised:
            open_store(url).summary()
        assert "word" not in str(raised.value) and "127.0.0.1" in str(raised.value)


def test_rows_never_go_to_tables_without_columns(location: StoreLocation, opened: Open) -> None:
    """Tables that were made anew while the connection stayed open."""
    psycopg = pytest.importorskip("psycopg")
    store, feedback = opened(location), Feedback(np.ones((3, 1)), np.ones(3), "k", None, "m")
    store.require_columns(("x0",), "y")
    assert "stored" == store.add(feedback)
    with psycopg.connect(location.address) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    migrate(location)

    with pytest.raises(StoreUnavailable, match="has been replaced by another one"):
        store.add(feedback)
    assert opened(location).summary().rows == 0


def test_a_lock_of_another_session_ends_the_wait(server: PostgresqlServer, location: StoreLocation,
                                                 opened: Open) -> None:
    """Else a server would not start, and a request never end."""
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(server.url) as other:
        other.execute("LOCK TABLE feedback_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            opened(location).require_columns(("x0",), "y")
