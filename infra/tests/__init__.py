"""Tests of the checks, which need their tools: ``make infra-check``."""
