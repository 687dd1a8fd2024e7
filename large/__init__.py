"""Tests on data sets of 10 and 50 million rows: ``make test-large``."""
