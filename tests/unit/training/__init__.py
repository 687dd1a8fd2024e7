"""Unit tests of linear_regressor.training."""
