"""Tests: oracles before laws, laws before examples."""
