"""Unit tests of linear_regressor.monitoring."""
