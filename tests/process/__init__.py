"""Tests that run the command line or the benchmark as a process."""
