#!/usr/bin/env bash
# Wait until the server at a URL is ready; fail after SECONDS (default 30).
# Usage: wait_ready.sh URL [SECONDS]      SERVICE_TOKEN, if set, is sent as bearer token
set -euo pipefail

url=$1
limit=${2:-30}
# pass the token on standard input: all users of the machine can read arguments
header=${SERVICE_TOKEN:+header = \"Authorization: Bearer $SERVICE_TOKEN\"}
deadline=$((SECONDS + limit))
until curl --config - --silent --fail --max-time 5 --output /dev/null "$url/health/ready" <<<"$header"; do
  if [ "$SECONDS" -ge "$deadline" ]; then
    echo "$url/health/ready was not ready within $limit s" >&2
    exit 1
  fi
  sleep 0.2
done
