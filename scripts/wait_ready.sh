#!/usr/bin/env bash
# Wait until the server at a URL says that it is ready, or fail after some seconds (30 unless told).
# Usage: wait_ready.sh URL [SECONDS]      SERVICE_TOKEN is sent as bearer token where set
set -euo pipefail

url=$1
limit=${2:-30}
# the token goes in by standard input: arguments can be read by every user of the machine
header=${SERVICE_TOKEN:+header = \"Authorization: Bearer $SERVICE_TOKEN\"}
deadline=$((SECONDS + limit))
until curl --config - --silent --fail --max-time 5 --output /dev/null "$url/health/ready" <<<"$header"; do
  if [ "$SECONDS" -ge "$deadline" ]; then
    echo "$url/health/ready did not answer with success within $limit s" >&2
    exit 1
  fi
  sleep 0.2
done
