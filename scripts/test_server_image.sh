#!/usr/bin/env bash
# Test the server image: what is in it, who runs it, what it answers, where it listens, how it stops, what it weighs.
# Usage: test_server_image.sh IMAGE [BASE]
set -euo pipefail

image=$1
base=${2:-$(sed -n 's/^ARG BASE=//p' "$(dirname "$0")/../server.Dockerfile")}
budget=110
docker=${DOCKER:-docker}
here=$(dirname "$0")
name=linear_regressor_under_test
trap '"$docker" rm --force "$name" >/dev/null 2>&1 || true' EXIT

fail() {
  echo "$image: $*" >&2
  exit 1
}

megabytes() { echo "$(($("$docker" image inspect --format '{{.Size}}' "$1") / 1000000))"; }

"$docker" run --rm --interactive --entrypoint python "$image" - <"$here/inspect_server_image.py"

url=$("$here/serve_container.sh" "$image" "$name" 0)
"$here/test_local_server.sh" "$url"
"$docker" exec "$name" python /app/healthcheck.py || fail "the health check fails on a server that is ready"
"$docker" stop --time 10 "$name" >/dev/null
status=$("$docker" inspect --format '{{.State.ExitCode}}' "$name")
[ "$status" = 0 ] || fail "a stop ended with exit code $status instead of 0"

# as on Cloud Run: the platform chooses the port
"$here/serve_container.sh" "$image" "$name" 0 8080 >/dev/null || fail "it does not listen on \$PORT"
"$docker" exec "$name" python /app/healthcheck.py || fail "the health check does not look at \$PORT"

if "$docker" image inspect "$base" >/dev/null 2>&1; then
  over=$(($(megabytes "$image") - $(megabytes "$base")))
  [ "$over" -le "$budget" ] || fail "$over MB over $base; the budget is $budget"
  echo "$image is as it should be, $over MB over $base"
else # some builders keep the base to themselves
  echo "$image is as it should be; $base is not among the local images, so its weight was not compared"
fi
