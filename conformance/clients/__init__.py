"""Clients that others wrote, each run by a tool environment of its own: ``make test-clients``."""
