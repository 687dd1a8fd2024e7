"""Unit tests of linear_regressor.page."""
