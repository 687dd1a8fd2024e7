#!/usr/bin/env bash
# Check the Terraform files, the service YAML and the dashboard as far as that is possible without the google provider and an account.
# Usage: check_infra.sh [REPOSITORY]      needs build/tools/infra and build/tools/checkov (make infra-check)
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
repository=$(cd "${1:-$here}" && pwd)
folder=$repository/infra/terraform
# a setting that names a missing file would be a warning in every answer
unset TF_CLI_CONFIG_FILE

if command -v terraform >/dev/null; then
  if ! unformatted=$(terraform fmt -check -recursive -no-color "$folder" 2>&1); then
    echo "terraform fmt: run 'terraform fmt -recursive infra/terraform' on $unformatted" >&2
    exit 1
  fi
else
  echo "NOT CHECKED: terraform is not installed, so neither the format nor the tests of modules/values"
fi
PYTHONPATH=$here "$here/build/tools/infra/bin/python" -m infra.checks "$folder" >&2

service=$(mktemp)
trap 'rm -f "$service"' EXIT
IMAGE=example/server@sha256:$(printf '0%.0s' {1..64}) GCP_PROJECT_ID=example GCP_SUBNETWORK=example \
  GCP_SQL_CONNECTION=example:europe-west1:example GCP_RUNTIME_SERVICE_ACCOUNT=server@example.iam.gserviceaccount.com \
  python3 "$repository/scripts/service_yaml.py" >"$service"
PYTHONPATH=$here "$here/build/tools/infra/bin/python" -m infra.checks.service "$service" >&2
PYTHONPATH=$here "$here/build/tools/infra/bin/python" -m infra.checks.dashboard "$repository/infra/monitoring/dashboard.json" >&2

if command -v terraform >/dev/null; then
  # in a folder of its own, so that no .terraform appears among the sources
  data=$(mktemp -d)
  trap 'rm -rf "$service" "$data"' EXIT
  if ! report=$(cd "$folder/modules/values" && export TF_DATA_DIR=$data CHECKPOINT_DISABLE=1 \
    && terraform init -backend=false -input=false -no-color && terraform test -no-color); then
    printf 'terraform test: modules/values\n%s\n' "$report" >&2
    exit 1
  fi
  tail -n 1 <<<"terraform test: modules/values: ${report##*$'\n'}"
fi

# --quiet: failed checks only; suppressions are comments in the files, each with its reason (infra/checks/policies.py)
checkov() {
  "$here/build/tools/checkov/bin/checkov" --skip-download --quiet --compact "$@" >&2
}
# CKV_DOCKER_7: the tag is in the argument BASE, which Checkov does not resolve
checkov --file "$repository/server.Dockerfile" --framework dockerfile --skip-check CKV_DOCKER_7
# CKV_DOCKER_2: a job ends by itself, so there is no health to check
checkov --file "$repository/jobs.Dockerfile" --framework dockerfile --skip-check CKV_DOCKER_7,CKV_DOCKER_2
checkov --directory "$folder" --framework terraform
echo "Checkov: no finding without a reason"
echo "NOT CHECKED: init, validate and tests of the modules with the google provider (GitHub Actions: make infra-validate)"
