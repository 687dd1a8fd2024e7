"""Tests that run the command line, the benchmark, a browser, or a server whose speed does not matter."""
