"""Tests of a real server that measure time, so they run one after the other."""
