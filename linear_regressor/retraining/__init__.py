"""Retraining: which rows a new model learns from, and whether it replaces the model in use.

Rule of this package: it never imports serving.
"""
