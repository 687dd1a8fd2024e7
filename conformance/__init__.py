"""Tests of each contract against a running server: ``make conformance URL=http://127.0.0.1:5000``."""
