#!/usr/bin/env bash
# Serve the committed model and run third-party clients against it, each in its own environment.
# Usage: test_clients.sh BIN CLIENT...      BIN contains the Python to use; a client is a file in conformance/clients
set -euo pipefail

bin=$1
shift
export MODEL_NAME=linear-regressor
for client in "$@"; do
  scripts/tool_environment.sh "$bin/python" "conformance/clients/$client.txt" "build/tools/$client"
done
port=$("$bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$bin/linear-regressor" serve --port "$port" --workers 1 --model-path models/simple_linear_regressor.joblib \
  >build/test_clients.log 2>&1 &
server=$!
trap 'kill "$server"; wait "$server" || true' EXIT
export CONFORMANCE_URL=http://127.0.0.1:$port
scripts/wait_ready.sh "$CONFORMANCE_URL"
failed=()
for client in "$@"; do
  echo "== $client"
  # warnings in their libraries are not errors of this project
  "build/tools/$client/bin/python" -m pytest --quiet -p no:cacheprovider -o addopts= -o filterwarnings=ignore \
    "conformance/clients/test_$client.py" || failed+=("$client")
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "Failed: ${failed[*]}; the server log is build/test_clients.log" >&2
  exit 1
fi
