"""Rows that are written: predictions and feedback."""
