#!/usr/bin/env bash
# Serve an image in a detached container, in place of one of the same name; when it is ready, print its URL.
# It gets nothing that it does not need: read-only root, no capabilities, loopback only.
# Usage: serve_container.sh IMAGE NAME PORT [INNER-PORT]
# PORT 0 takes a free one; INNER-PORT is set as PORT inside, as a platform does that chooses it (else the default, 5000)
set -euo pipefail

image=$1 name=$2 port=$3 inner=${4:-}
docker=${DOCKER:-docker}

"$docker" rm --force "$name" >/dev/null 2>&1 || true
if ! "$docker" run --detach --name "$name" --publish "127.0.0.1:$port:${inner:-5000}" ${inner:+--env "PORT=$inner"} \
  --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges "$image" >/dev/null; then
  "$docker" rm --force "$name" >/dev/null 2>&1 || true
  echo "$image could not be served on port $port: choose another with PORT=" >&2
  exit 1
fi
# one line an address: 127.0.0.1:32768
url=http://$("$docker" port "$name" "${inner:-5000}/tcp" | head -n 1)
if ! "$(dirname "$0")/wait_ready.sh" "$url"; then
  "$docker" logs "$name" >&2
  "$docker" rm --force "$name" >/dev/null
  exit 1
fi
echo "$url"
