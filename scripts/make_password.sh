#!/usr/bin/env bash
# Put a new password of the feedback store into .env, where Compose reads it, unless there is one.
set -euo pipefail

if [ -z "${STORE_PASSWORD:-}" ] && ! grep --quiet '^STORE_PASSWORD=' .env 2>/dev/null; then
  touch .env
  chmod 600 .env
  echo "STORE_PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" >>.env
fi
