"""Tests that start a real server. They measure time, so they run one after the other."""
