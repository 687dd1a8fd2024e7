"""Data sets: where rows come from, and whether they can be used.

Rule of this package: it knows no model, and only ``dataset`` imports scikit-learn.
"""
