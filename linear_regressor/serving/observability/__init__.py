"""What the service tells about itself: counts, log lines and spans.

Rule of the room: nothing here may fail a request or keep it waiting, and none of it sees a feature value. The
Prometheus client and OpenTelemetry live here and nowhere else.
"""
