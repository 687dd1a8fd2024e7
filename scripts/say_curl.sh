#!/usr/bin/env bash
# Print an example request for the server at a URL.
# Usage: say_curl.sh URL
set -euo pipefail

echo "Try: curl --header 'Content-Type: application/json' --data '{\"instance\": 0.0110390390462862}' $1/stream"
