#!/usr/bin/env bash
# Fail if Debian has security updates for packages of an image: known vulnerabilities that a new base image fixes.
# make audit checks the Python packages.
# Usage: audit_image.sh IMAGE
set -euo pipefail

docker=${DOCKER:-docker}
simulate='apt-get update -qq && apt-cache policy | grep -q -- -security && apt-get --simulate --quiet upgrade'
if ! plan=$("$docker" run --rm --user 0 --entrypoint sh "$1" -c "$simulate"); then
  echo "$1: NOT AUDITED: the image has no apt source with security updates, or it could not be read" >&2
  exit 1
fi
if pending=$(grep -E '^Inst .*(Debian-Security|-security)' <<<"$plan"); then
  printf '%s: security updates are pending; use a newer base image\n%s\n' "$1" "$pending" >&2
  exit 1
fi
echo "$1: no security update is pending"
