"""Monitoring: what changed between a model's training and its use, computed from moments and counts.

Rule of this package: it knows neither training, serving nor the command line.
"""
