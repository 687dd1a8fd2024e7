#!/usr/bin/env bash
# Build the source distribution, and the wheel from it, in build/dist: so the source distribution is complete.
set -euo pipefail

python=${1:-.venv/bin/python}
target=build/dist
rm -rf "$target" build/lib build/bdist.*
mkdir -p "$target"
# the time of the commit, so that the same commit gives the same wheel, byte for byte
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
CODE_COMMIT=$(git rev-parse HEAD 2>/dev/null || true)
export SOURCE_DATE_EPOCH CODE_COMMIT
"$python" -c "import setuptools.build_meta as backend; backend.build_sdist('$target')" >/dev/null
"$python" -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --no-cache-dir \
  --wheel-dir "$target" "$target"/*.tar.gz
ls "$target"
