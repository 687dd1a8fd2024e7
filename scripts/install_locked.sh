#!/usr/bin/env bash
# Install categories of Pipfile.lock into a Python environment: only locked packages, with their hashes checked.
# Usage: install_locked.sh PYTHON CATEGORY...
set -euo pipefail

python=$1
shift
# [build] first and without build isolation, so that build tools of source distributions are locked, too
for categories in build "$*"; do
  # shellcheck disable=SC2086  # one word for each category
  "$python" "$(dirname "$0")/locked_requirements.py" $categories |
    "$python" -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes --no-build-isolation \
      --requirement /dev/stdin
done
