#!/usr/bin/env bash
# Check all locked versions for known vulnerabilities. --strict: a version that cannot be checked is an error.
# Usage: audit.sh PYTHON
set -euo pipefail

here=$(dirname "$0")
# separate environment, so that the tool's dependencies do not constrain the project's versions
"$1" -m venv build/audit
"$here/install_locked.sh" build/audit/bin/python audit
"$1" "$here/locked_requirements.py" build default fast training dask tracing store postgresql tracking develop audit >build/audit/requirements.txt
build/audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement build/audit/requirements.txt
