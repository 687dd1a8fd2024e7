#!/usr/bin/env bash
# Print the command of Docker Compose: the plugin of the client named by DOCKER, else docker-compose.
set -euo pipefail

if "${DOCKER:-docker}" compose version >/dev/null 2>&1; then
  echo "${DOCKER:-docker} compose"
elif docker-compose version >/dev/null 2>&1; then
  echo docker-compose
else
  echo "No Docker Compose: install the plugin of the client, or docker-compose (Debian: apt-get install docker-compose)" >&2
  exit 1
fi
