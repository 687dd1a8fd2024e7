"""Unit tests of linear_regressor.serving."""
