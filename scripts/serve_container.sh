#!/usr/bin/env bash
# Run an image in a detached container, replacing a container of the same name; print the URL when it is ready.
# Least privileges: read-only root file system, no capabilities, loopback only.
# Usage: serve_container.sh IMAGE NAME PORT [INNER-PORT]
# PORT 0 selects a free port; INNER-PORT sets PORT inside the container, as Cloud Run does (default: 5000)
set -euo pipefail

image=$1 name=$2 port=$3 inner=${4:-}
docker=${DOCKER:-docker}

"$docker" rm --force "$name" >/dev/null 2>&1 || true
if ! "$docker" run --detach --name "$name" --publish "127.0.0.1:$port:${inner:-5000}" ${inner:+--env "PORT=$inner"} \
  --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges "$image" >/dev/null; then
  "$docker" rm --force "$name" >/dev/null 2>&1 || true
  echo "$image could not be started on port $port; choose another port with PORT=" >&2
  exit 1
fi
# prints one line for each address, such as 127.0.0.1:32768
url=http://$("$docker" port "$name" "${inner:-5000}/tcp" | head -n 1)
if ! "$(dirname "$0")/wait_ready.sh" "$url"; then
  "$docker" logs "$name" >&2
  "$docker" rm --force "$name" >/dev/null
  exit 1
fi
echo "$url"
