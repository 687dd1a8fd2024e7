"""Metrics, access log and traces of the service.

Nothing here may fail or delay a request, and no feature value is recorded. The Prometheus client and OpenTelemetry are
imported here only.
"""
