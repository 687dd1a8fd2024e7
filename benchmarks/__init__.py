"""Measurements beside something else in one run on one machine; never a test that depends on the clock."""
