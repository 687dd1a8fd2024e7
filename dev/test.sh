#!/usr/bin/env bash
# The quick loop: tests, stopping at the first that fails, then types. Arguments go to pytest.
# Usage: dev/test.sh [PYTEST-ARGUMENT...]
set -euo pipefail

cd "$(dirname "$0")/.."
export PATH="${VIRTUAL_ENV:-$PWD/.venv}/bin:$PATH"
python -m pytest --exitfirst --quiet "$@"
mypy --strict
