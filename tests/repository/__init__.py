"""Tests of everything but the package: make, scripts, images, workflows, documents, monitoring files."""
