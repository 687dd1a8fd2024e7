"""The mathematics: moments, the model that is made of them, and its statistics.

Rule of the room: no input or output, no clock, no global state; NumPy everywhere, scikit-learn in
``linear_regression`` alone.
"""
