"""Reports as pages: charts, templates and the stylesheet, for the server and for files.

Rule of this package: it imports nothing else of linear_regressor, and what it shows are plain values.
"""
