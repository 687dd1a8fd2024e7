#!/usr/bin/env bash
# Replace the instance of the service in compose.yaml by one of IMAGE without a failed request: start the new one, wait
# until it is ready, then stop the old one. A new instance that does not become ready is removed, and the old one stays.
# Usage: replace_server.sh IMAGE [SECONDS]
set -euo pipefail

image=$1
limit=${2:-60}
docker=${DOCKER:-docker}
compose=$("$(dirname "$0")/find_compose.sh")

instances() { $compose ps --quiet server | sort; }

old=$(instances)
[ -n "$old" ] || { echo "The service is not running: start it with 'make up'" >&2; exit 1; }
"$docker" image inspect "$image" >/dev/null 2>&1 || { echo "$image is not an image on this machine" >&2; exit 1; }
SERVICE_IMAGE=$image $compose up --detach --no-deps --no-recreate --scale "server=$(($(wc -l <<<"$old") + 1))" server
new=$(comm -13 <(echo "$old") <(instances))

deadline=$((SECONDS + limit))
until [ "$("$docker" inspect --format '{{.State.Health.Status}}' "$new")" = healthy ]; do
  if [ "$SECONDS" -ge "$deadline" ]; then
    "$docker" logs --tail 20 "$new" >&2
    # the gateway may have found it ready meanwhile: it finishes what it has accepted
    "$docker" stop --time 12 "$new" >/dev/null
    "$docker" rm "$new" >/dev/null
    echo "An instance of $image was not ready within $limit s and is removed; the old one still answers" >&2
    exit 1
  fi
  sleep 0.5
done
# the gateway finds a new instance within two seconds
sleep 3
for container in $old; do
  "$docker" stop --time 12 "$container" >/dev/null
  "$docker" rm "$container" >/dev/null
done
echo "Instances of $image answer"
