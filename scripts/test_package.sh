#!/usr/bin/env bash
# Install the wheel and the source distribution in build/dist into empty environments, and use the command as users do:
# train, promote, serve and predict, in a folder without the checkout.
# Usage: test_package.sh PYTHON...      (a Python that is not installed is skipped, and a line says so)
set -euo pipefail

wheel=$(realpath build/dist/*.whl)
source=$(realpath build/dist/*.tar.gz)
scripts=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT

try() {
  local python=$1 folder=$2 constraints=$2/constraints.txt port
  # the versions of the lock: a new release of a dependency must not fail the test of a package
  "$python" "$scripts/locked_requirements.py" default training store build | sed 's/ *--hash=[^ ]*//g' >"$constraints"
  "$python" -m venv "$folder/environment"
  "$folder/environment/bin/pip" --disable-pip-version-check install --quiet --constraint "$constraints" \
    "${wheel}[training,store]"
  cd "$folder"
  export PATH="$folder/environment/bin:$PATH"
  linear-regressor train --model-save-path model.joblib >/dev/null
  STORE=sqlite:///feedback.db linear-regressor store migrate 2>/dev/null
  linear-regressor models promote model.joblib --models models --force 'the first one' >/dev/null
  port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  STORE=sqlite:///feedback.db linear-regressor serve --port "$port" --model-path models >server.log 2>&1 &
  server=$!
  "$scripts/test_local_server.sh" "http://127.0.0.1:$port"
  kill "$server"
  wait "$server"
  server=
  # the smallest installation, from the source distribution, serves, too
  "$python" -m venv "$folder/small"
  small/bin/pip --disable-pip-version-check install --quiet --constraint "$constraints" "$source"
  small/bin/linear-regressor --version
}

for python in "$@"; do
  if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    echo "skipped: $python is not installed"
    continue
  fi
  folder=$(mktemp -d "$work/XXXXXX")
  # without the variables of this environment
  (unset VIRTUAL_ENV PYTHONPATH; try "$python" "$folder")
  echo "$("$python" --version): the package works without the checkout"
done
