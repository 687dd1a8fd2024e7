"""Unit tests of linear_regressor.predictions."""
