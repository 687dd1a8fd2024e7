#!/usr/bin/env bash
# Plan, without changing anything, what Terraform would do: build/plan/plan.txt, and plan.md for a comment.
# Usage: plan_infra.sh plan|drift [FOLDER]      drift: a plan that would change something is an error
# Environment: TERRAFORM_BACKEND (bucket=NAME of the state), TERRAFORM_VARIABLES (JSON, as terraform.tfvars.json)
set -euo pipefail

mode=$1
folder=${2:-infra/terraform/environments/prod}
for name in TERRAFORM_BACKEND TERRAFORM_VARIABLES; do
  if [ -z "${!name:-}" ]; then
    echo "NOT RUN: $name is not set; variables of the repository set it (docs/deployment.md)" >&2
    exit 1
  fi
done
if ! command -v terraform >/dev/null; then
  echo "NOT RUN: terraform is not installed" >&2
  exit 1
fi
# a setting that names a missing file would be a warning in every answer
unset TF_CLI_CONFIG_FILE
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1 TF_DATA_DIR=$PWD/build/plan/terraform
mkdir -p build/plan
printf '%s' "$TERRAFORM_VARIABLES" >build/plan/variables.tfvars.json
if ! message=$(terraform -chdir="$folder" init -input=false -no-color -reconfigure \
  -backend-config="$TERRAFORM_BACKEND" 2>&1); then
  printf '%s: terraform init failed\n%s\n' "$folder" "$message" >&2
  exit 1
fi
status=0
# no lock: the account may read the state, but not write it
terraform -chdir="$folder" plan -detailed-exitcode -input=false -no-color -lock=false \
  -var-file="$PWD/build/plan/variables.tfvars.json" >build/plan/plan.txt 2>&1 || status=$?
cat build/plan/plan.txt
summary=$(grep -E '^(Plan: |No changes)' build/plan/plan.txt || echo "changes to outputs only")
if [ "$status" != 0 ] && [ "$status" != 2 ]; then
  echo "$folder: terraform plan failed" >&2
  exit 1
fi
# GitHub's limit of a comment is 65,536 characters; no line of a plan can end the long fence
{
  printf '**Terraform plan of %s**: %s\n\n<details><summary>Plan</summary>\n\n~~~~~~~~~~\n' "$folder" "$summary"
  head -c 60000 build/plan/plan.txt
  printf '\n~~~~~~~~~~\n\n</details>\n'
} >build/plan/plan.md
if [ "$mode" = drift ] && [ "$status" = 2 ]; then
  echo "drift: $summary in $folder; apply, or change the files (docs/infrastructure.md)" >&2
  exit 1
fi
