"""Unit tests of linear_regressor.retraining."""
