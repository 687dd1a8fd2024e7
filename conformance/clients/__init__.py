"""Tests with clients of other projects, each in its own environment: ``make test-clients``."""
