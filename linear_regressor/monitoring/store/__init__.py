"""The feedback store: rows with their actual values in SQLite or PostgreSQL.

Rule of this package: only it knows databases; the server imports no library of migrations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from linear_regressor.errors import SettingError
from linear_regressor.monitoring.store.location import StoreLocation

if TYPE_CHECKING:
    from linear_regressor.monitoring.store.feedback_store import FeedbackStore


def open_store(location: str | StoreLocation) -> FeedbackStore:
    """Open the store at ``sqlite:///path`` or ``postgresql://...``; it connects when it is first used."""
    # Imported when used: most servers have no store, or one of the two databases.
    from linear_regressor.monitoring.store.feedback_store import FeedbackStore

    if isinstance(location, str):
        try:
            location = StoreLocation.parse(location)
        except ValueError as error:
            raise SettingError(f"the URL of the store must be {error}") from None
    if location.kind == "sqlite":
        from linear_regressor.monitoring.store.sqlite import SqliteDatabase

        return FeedbackStore(SqliteDatabase(location))
    from linear_regressor.monitoring.store.postgresql import PostgresqlDatabase

    return FeedbackStore(PostgresqlDatabase(location))
