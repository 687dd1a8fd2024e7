#!/usr/bin/env bash
# Run tests until the first failure, then check types. Arguments are passed to pytest.
# Usage: dev/test.sh [PYTEST-ARGUMENT...]      (default: tests/unit)
set -euo pipefail

cd "$(dirname "$0")/.."
export PATH="${VIRTUAL_ENV:-$PWD/.venv}/bin:$PATH"
python -m pytest --exitfirst --quiet "${@:-tests/unit}"
mypy --strict
