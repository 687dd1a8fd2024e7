#!/usr/bin/env bash
# Run dev/test.sh whenever a Python file changes. Arguments are passed to pytest.
# Usage: dev/watch_test.sh [PYTEST-ARGUMENT...]
set -euo pipefail

cd "$(dirname "$0")/.."
export PATH="${VIRTUAL_ENV:-$PWD/.venv}/bin:$PATH"
exec watchfiles --filter python "dev/test.sh $*" linear_regressor tests
