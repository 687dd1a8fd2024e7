"""The contract between training and serving: one small, self-verifying file of plain values.

Rule of this package: it knows neither training nor serving.
"""
