"""Versions of the tables, one module each; alembic runs them."""
