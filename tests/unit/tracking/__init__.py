"""Unit tests of linear_regressor.tracking."""
