"""The worker process: reads requests and sends responses without a thread ever waiting for a client.

Only this package and ``serving.server`` know gunicorn's processes and connections; neither knows what a request means.
"""
