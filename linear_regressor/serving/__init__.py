"""The service: bytes in, predictions out.

Rule of the room: it meets training in the artefact alone, and never imports scikit-learn, SciPy, joblib, matplotlib
or PyArrow. Flask, gunicorn and the JSON parsers live here and nowhere else.
"""
