#!/usr/bin/env bash
# Fail with one line unless the client named by DOCKER reaches a container engine.
set -euo pipefail

if ! "${DOCKER:-docker}" info >/dev/null 2>&1; then
  echo "No container engine: '${DOCKER:-docker} info' failed. Start one or choose another client with DOCKER=" >&2
  exit 1
fi
