"""Unit tests of linear_regressor.cli, run in the process of the test."""
