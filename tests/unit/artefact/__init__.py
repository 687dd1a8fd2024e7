"""Unit tests of linear_regressor.artefact."""
