"""Verification: whether a data set is what its schema promises, before anything is trained on it.

Rule of this package: checks are functions of one summary, which one pass over the rows makes.
"""
