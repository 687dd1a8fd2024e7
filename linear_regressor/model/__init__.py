"""The mathematics: moments, the model fitted to them, and its statistics.

No input or output and no global state. NumPy only, except ``linear_regression``, which needs scikit-learn.
"""
