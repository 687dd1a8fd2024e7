"""Training: from rows to a model file and a report.

SciPy is imported in ``config`` alone, matplotlib in ``report`` and Dask in ``dask_engine``; nothing here imports
``serving``.
"""
