#!/usr/bin/env bash
# Look every locked version up in the index's list of known vulnerabilities. --strict: what cannot be looked up fails.
# Usage: audit.sh PYTHON
set -euo pipefail

here=$(dirname "$0")
# an environment of its own: the tool's dependencies must not choose the project's versions
"$1" -m venv build/audit
"$here/install_locked.sh" build/audit/bin/python audit
"$1" "$here/locked_requirements.py" build default fast training dask tracing develop audit >build/audit/requirements.txt
build/audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement build/audit/requirements.txt
