"""The worker process: callers' bytes in and out, without a thread ever waiting for a caller.

Rule of the room: gunicorn's worker and connection are known here and in ``server`` alone; what a request means is not.
"""
