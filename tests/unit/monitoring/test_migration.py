"""Migrations: once, whole or not at all, and known to the server without alembic."""

from __future__ import annotations

import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from linear_regressor.errors import StoreError, StoreUnavailable
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.database import VERSION
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import SCRIPTS, migrate


@pytest.fixture
def location(tmp_path: Path) -> StoreLocation:
    """A store that does not exist yet, nor does its folder."""
    return StoreLocation.parse(f"sqlite:///{tmp_path}/new/feedback.db")


def run(location: StoreLocation, statement: str) -> None:
    """Change the database behind the program's back."""
    with closing(sqlite3.connect(location.address)) as connection, connection:
        connection.execute(statement)


def test_the_server_knows_the_newest_version() -> None:
    """It has no alembic to ask."""
    assert VERSION == ScriptDirectory(str(SCRIPTS)).get_current_head()


def test_wheels_have_the_migrations() -> None:
    """Their folders are packages, which setup.cfg includes, although nobody imports them."""
    assert (SCRIPTS / "__init__.py").is_file() and (SCRIPTS / "versions" / "__init__.py").is_file()


def test_a_migration_is_repeatable(location: StoreLocation) -> None:
    """The identity stays; only the owner can read the file."""
    with pytest.raises(StoreError, match="does not exist: run 'linear-regressor store migrate'"):
        open_store(location).summary()

    assert VERSION == migrate(location)
    identity = open_store(location).identity
    assert VERSION == migrate(location)
    assert identity == open_store(location).identity
    assert 0o600 == stat.S_IMODE(Path(location.address).stat().st_mode)


def test_concurrent_migrations_take_turns(location: StoreLocation) -> None:
    """None fails."""
    versions: list[str] = []
    threads = [threading.Thread(target=lambda: versions.append(migrate(location))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [VERSION] * 6 == versions


def test_a_migration_that_fails_leaves_nothing(location: StoreLocation) -> None:
    """A table is in its way; without it, the next one succeeds."""
    Path(location.address).parent.mkdir()
    run(location, "CREATE TABLE feedback_outside (a)")
    with pytest.raises(StoreUnavailable, match="cannot be migrated: table feedback_outside already exists$"):
        migrate(location)
    with closing(sqlite3.connect(location.address)) as connection:
        assert [("feedback_outside",)] == connection.execute("SELECT name FROM sqlite_master").fetchall()

    run(location, "DROP TABLE feedback_outside")
    assert VERSION == migrate(location)


def test_other_versions_are_named(location: StoreLocation, tmp_path: Path) -> None:
    """An empty file, a database of others, an older and a newer store."""
    empty = StoreLocation.parse(f"sqlite:///{tmp_path}/empty.db")
    Path(empty.address).touch()
    with pytest.raises(StoreError, match="has no tables yet: run 'linear-regressor store migrate'"):
        open_store(empty).identity  # reading it raises
    migrate(location)
    for version, shown in (("'99'", "99"), (None, "none")):
        run(location, "DELETE FROM feedback_version" if version is None else
            f"UPDATE feedback_version SET version_num = {version}")
        with pytest.raises(StoreError, match=f"has version {shown}, and this program needs {VERSION}"):
            open_store(location).last_serial()
        if version is not None:
            with pytest.raises(StoreError, match="version 99, which this program does not know: use a newer program"):
                migrate(location)


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    """One line with the file."""
    (tmp_path / "notes.db").write_text("not a database, but long enough to look like one" * 20)
    for use in (migrate, lambda location: open_store(location).identity):
        with pytest.raises(StoreUnavailable, match="notes.db .*: file is not a database"):
            use(StoreLocation.parse(f"sqlite:///{tmp_path}/notes.db"))
