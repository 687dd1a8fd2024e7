"""A real PostgreSQL server for a test, which is skipped where it is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks import postgresql
from benchmarks.postgresql import PostgresqlServer

__all__ = ["PostgresqlServer"]


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Start a server, which is stopped after the test."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgresql)")
    if postgresql.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgresql.postgresql_server() as server:
        yield server
