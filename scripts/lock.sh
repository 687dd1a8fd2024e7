#!/usr/bin/env bash
# Update Pipfile.lock with Python 3.11, so that all supported versions can install it, and without an index, so that
# pip's configuration selects it.
# Usage: lock.sh BIN      (the bin folder of the environment)
set -euo pipefail

bin=$1
if ! "$bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
  echo "Locking needs Python 3.11: run 'make clean setup-dev PYTHON=python3.11' first" >&2
  exit 1
fi
# use the active environment, without pipenv's messages about it
export VIRTUAL_ENV=${bin%/bin} PIPENV_VERBOSITY=-1 PIPENV_NOSPIN=1
"$bin/pipenv" lock
"$bin/python" "$(dirname "$0")/forget_index.py"
