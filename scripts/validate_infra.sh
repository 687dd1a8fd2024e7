#!/usr/bin/env bash
# Check the Terraform files with the google provider, which init downloads: names, types, and tests with a mocked
# provider. Where it cannot be downloaded this says so in one line and fails.
# Usage: validate_infra.sh
set -euo pipefail

cd "$(dirname "$0")/../infra/terraform"
unset TF_CLI_CONFIG_FILE
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
if ! command -v terraform >/dev/null; then
  echo "terraform is not installed" >&2
  exit 1
fi
build=$(cd ../.. && pwd)/build/terraform
for folder in environments/dev environments/prod modules/service modules/jobs; do
  export TF_DATA_DIR=$build/$folder
  if ! message=$(terraform -chdir="$folder" init -backend=false -input=false -no-color 2>&1); then
    if grep -q 'provider packages' <<<"$message"; then
      echo "NOT CHECKED: the google provider cannot be downloaded here; GitHub Actions runs init, validate and test" >&2
    else
      printf '%s: terraform init failed\n%s\n' "$folder" "$message" >&2
    fi
    exit 1
  fi
  terraform -chdir="$folder" validate -no-color
done
# tests with mock_provider: a plan after a deployment is empty
for folder in modules/service modules/jobs; do
  TF_DATA_DIR=$build/$folder terraform -chdir="$folder" test -no-color
done
