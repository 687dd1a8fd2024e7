"""Unit tests of linear_regressor.model."""
