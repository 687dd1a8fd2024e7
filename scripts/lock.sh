#!/usr/bin/env bash
# Make Pipfile.lock anew: with Python 3.11, so that every supported version can install it, and without an index,
# so that each machine asks its own.
# Usage: lock.sh BIN      (the folder of the environment's programs)
set -euo pipefail

bin=$1
if ! "$bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
  echo "The lock is made with Python 3.11: make clean setup-dev PYTHON=python3.11" >&2
  exit 1
fi
# pipenv works in the environment that is active, and says so at length unless told not to
export VIRTUAL_ENV=${bin%/bin} PIPENV_VERBOSITY=-1 PIPENV_NOSPIN=1
"$bin/pipenv" lock
"$bin/python" "$(dirname "$0")/forget_index.py"
