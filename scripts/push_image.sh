#!/usr/bin/env bash
# Push a built image under a tag, and print its name by digest: NAME=REPOSITORY@sha256:..., for later steps, too.
# Usage: push_image.sh NAME IMAGE TAG
set -euo pipefail

docker=${DOCKER:-docker}
if [ -z "$3" ]; then
  echo "NOT RUN: no tag for the $1 image; the build workflow sets IMAGE and IMAGE_JOBS (docs/deployment.md)" >&2
  exit 1
fi
"$docker" tag "$2" "$3"
"$docker" push "$3"
digest=$("$docker" image inspect --format '{{index .RepoDigests 0}}' "$3")
printf '%s\n' "$1=$digest" "$1_repository=${digest%@*}" "$1_digest=${digest#*@}" | tee -a "${GITHUB_OUTPUT:-/dev/null}"
