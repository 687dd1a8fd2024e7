"""The promise between training and serving: one small file of plain values that checks itself.

Rule of the room: nothing here knows how a model is trained or served; joblib is imported in ``save`` alone.
"""
