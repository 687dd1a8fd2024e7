"""Benchmarks: ratios of two measurements of one run on one machine. No test depends on them."""
