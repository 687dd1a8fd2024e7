#!/usr/bin/env bash
# Create an environment for a tool that conflicts with the project's packages.
# Usage: tool_environment.sh PYTHON REQUIREMENTS FOLDER      no-op if FOLDER already has these requirements
set -euo pipefail

python=$1
requirements=$2
folder=$3
if cmp --silent "$requirements" "$folder/.installed"; then exit; fi
echo "Installing $(basename "$requirements" .txt) into $folder (from PyPI, up to a few minutes)"
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip --disable-pip-version-check install --quiet --requirement "$requirements"
cp "$requirements" "$folder/.installed"
