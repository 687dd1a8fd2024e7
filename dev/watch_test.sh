#!/usr/bin/env bash
# dev/test.sh on every save of a Python file. Arguments go to pytest.
# Usage: dev/watch_test.sh [PYTEST-ARGUMENT...]
set -euo pipefail

cd "$(dirname "$0")/.."
export PATH="${VIRTUAL_ENV:-$PWD/.venv}/bin:$PATH"
exec watchfiles --filter python "dev/test.sh $*" linear_regressor tests
