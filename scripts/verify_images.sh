#!/usr/bin/env bash
# Verify, before a deployment, that the build workflow of this repository built IMAGE and IMAGE_JOBS from main.
# Environment: IMAGE, IMAGE_JOBS (by digest), GITHUB_REPOSITORY, GH_TOKEN
set -euo pipefail

images=()
for name in IMAGE IMAGE_JOBS; do
  if [[ ! ${!name:-} =~ ^[^@]+@sha256:[0-9a-f]{64}$ ]]; then
    echo "NOT RUN: $name is '${!name:-}', but must be an image by digest; the deploy workflow sets it (docs/deployment.md)" >&2
    exit 1
  fi
  images+=("${!name}")
done
if ! command -v gh >/dev/null; then
  echo "NOT RUN: gh is not installed, so no attestation can be verified; GitHub Actions has it" >&2
  exit 1
fi
for image in "${images[@]}"; do
  gh attestation verify "oci://$image" --repo "$GITHUB_REPOSITORY" --source-ref refs/heads/main \
    --signer-workflow "$GITHUB_REPOSITORY/.github/workflows/build.yml" --deny-self-hosted-runners
done
