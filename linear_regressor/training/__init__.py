"""Making the promise: from rows to an artefact and a report about it.

Rule of the room: nothing here knows ``serving``; SciPy is imported in ``quantiles`` alone and matplotlib in ``report``
alone.
"""
