#!/usr/bin/env bash
# Succeed when a container engine answers to the client named by DOCKER; else say so in one line.
set -euo pipefail

if ! "${DOCKER:-docker}" info >/dev/null 2>&1; then
  echo "No container engine answers to '${DOCKER:-docker} info': start one, or name another client with DOCKER=" >&2
  exit 1
fi
