#!/usr/bin/env bash
# Print the first Python that is new enough and can create virtual environments.
# Usage: find_python.sh [CANDIDATE...]      (default: python3, then the versions from new to old)
set -euo pipefail

if [ $# -eq 0 ]; then set -- python3 python3.14 python3.13 python3.12 python3.11; fi
for candidate in "$@"; do
  if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    echo "$candidate"
    exit
  fi
done
echo "No Python 3.11 or newer with the venv module among: $*; choose one with PYTHON=/path/to/python" >&2
exit 1
