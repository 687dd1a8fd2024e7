"""The facts: where rows come from, and whether they can be used.

Rule of the room: nothing here knows a model; scikit-learn is imported in ``diabetes`` alone.
"""
