"""Least squares with other libraries, each a program of its own: ``PROGRAM FILE TARGET FEATURE...``.

They run in their own environment (``make benchmark-peers``) and print the slopes as JSON.
"""
