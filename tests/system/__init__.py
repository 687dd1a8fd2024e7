"""Tests of compose.yaml on a container engine."""
