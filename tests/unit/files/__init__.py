"""Unit tests of linear_regressor.data."""
