#!/usr/bin/env bash
# Install categories of Pipfile.lock into the environment of a Python: nothing outside the lock, every hash checked.
# Usage: install_locked.sh PYTHON CATEGORY...
set -euo pipefail

python=$1
shift
# [build] first and no build isolation: what builds a source distribution comes from the lock, too
for categories in build "$*"; do
  # shellcheck disable=SC2086  # several categories are several words
  "$python" "$(dirname "$0")/locked_requirements.py" $categories |
    "$python" -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes --no-build-isolation \
      --requirement /dev/stdin
done
