"""Tests that start Dask workers or fake object stores."""
