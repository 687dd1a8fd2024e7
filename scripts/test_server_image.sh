#!/usr/bin/env bash
# Test the server image: contents, user, labels, responses, port, stop, size.
# Usage: [BUDGET=110] test_server_image.sh IMAGE [BASE]
set -euo pipefail

image=$1
base=${2:-$(sed -n 's/^ARG BASE=//p' "$(dirname "$0")/../server.Dockerfile")}
# megabytes over the base image
budget=${BUDGET:-110}
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

for label in title description licenses version; do
  value=$("$docker" image inspect --format "{{index .Config.Labels \"org.opencontainers.image.$label\"}}" "$image")
  [ -n "$value" ] || fail "it has no label org.opencontainers.image.$label"
done

url=$("$here/serve_container.sh" "$image" "$name" 0)
"$here/test_local_server.sh" "$url"
"$docker" exec "$name" python /app/healthcheck.py || fail "the health check fails although the server is ready"
"$docker" stop --time 10 "$name" >/dev/null
status=$("$docker" inspect --format '{{.State.ExitCode}}' "$name")
[ "$status" = 0 ] || fail "the exit code after SIGTERM is $status instead of 0"

# Cloud Run chooses the port
"$here/serve_container.sh" "$image" "$name" 0 8080 >/dev/null || fail "the server does not listen on \$PORT"
"$docker" exec "$name" python /app/healthcheck.py || fail "the health check ignores \$PORT"

# some builders do not store the base image locally
is_local() { "$docker" image inspect "$base" >/dev/null 2>&1; }
if is_local || { "$docker" pull --quiet "$base" >/dev/null 2>&1 && is_local; }; then
  over=$(($(megabytes "$image") - $(megabytes "$base")))
  [ "$over" -le "$budget" ] || fail "$over MB larger than $base; the limit is $budget MB"
  echo "$image passed, $over MB larger than $base"
elif [ -n "${CI:-}" ]; then
  fail "its size cannot be checked, because $base is not a local image and cannot be pulled"
else
  echo "NOT CHECKED: the size of $image, because $base is not a local image and cannot be pulled; all else passed"
fi
