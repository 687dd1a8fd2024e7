"""``HEALTHCHECK`` of the server image: exit with 0 if the server is ready."""

import os
from http.client import HTTPConnection

if __name__ == "__main__":
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "5000")), timeout=2)
    connection.request("GET", "/health/ready")
    raise SystemExit(connection.getresponse().status != 200)
