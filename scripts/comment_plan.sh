#!/usr/bin/env bash
# Write the plan of plan_infra.sh as a comment of a pull request, in place of the previous plan.
# Environment: PULL_REQUEST (number), GITHUB_REPOSITORY, GH_TOKEN
set -euo pipefail

if [[ ! ${PULL_REQUEST:-} =~ ^[0-9]+$ ]]; then
  echo "NOT RUN: PULL_REQUEST is '${PULL_REQUEST:-}', but must be a number; plan.yml sets it" >&2
  exit 1
fi
if ! command -v gh >/dev/null; then
  echo "NOT RUN: gh is not installed; GitHub Actions has it" >&2
  exit 1
fi
gh pr comment "$PULL_REQUEST" --repo "$GITHUB_REPOSITORY" --edit-last --create-if-none --body-file build/plan/plan.md
