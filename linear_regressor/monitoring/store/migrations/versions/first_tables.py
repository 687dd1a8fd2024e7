"""Version 1: requests, their rows, blocks made of them, and counts of rows outside intervals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

# SQLite numbers rows only in a column of exactly this type.
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "feedback_store",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("features", sa.Text(), comment="JSON array of names"),
        sa.Column("target", sa.Text()))
    op.create_table(
        "feedback_request",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("principal", sa.Text(), nullable=False, comment="empty without authentication"),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the rows"),
        sa.Column("received", sa.Double(), nullable=False, comment="Unix time"),
        sa.UniqueConstraint("principal", "key"))
    op.create_table(
        "feedback_row",
        sa.Column("serial", SERIAL, primary_key=True, autoincrement=True),
        sa.Column("request", SERIAL, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("x", sa.LargeBinary(), nullable=False, comment="features as little-endian float64"),
        sa.Column("y", sa.Double(), nullable=False),
        sa.UniqueConstraint("request", "place"),
        sqlite_autoincrement=True)  # numbers of deleted rows are not used again
    op.create_table(
        "feedback_block",
        sa.Column("first", sa.BigInteger(), primary_key=True),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.Text(), primary_key=True),
        sa.Column("model", sa.Text(), primary_key=True),
        sa.Column("moments", sa.LargeBinary(), nullable=False, comment="n, m and C as little-endian float64"),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("repeated", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False))
    op.create_table(
        "feedback_outside",
        sa.Column("monitored", sa.Text(), primary_key=True, comment="digest of the model whose intervals are counted"),
        sa.Column("first", sa.BigInteger(), primary_key=True),
        sa.Column("principal", sa.Text(), primary_key=True),
        sa.Column("model", sa.Text(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False))
