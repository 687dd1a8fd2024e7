#!/usr/bin/env bash
# Deploy a pushed image to the Cloud Run service by digest; print the URL of the service.
# Sets the image and nothing else: Terraform, or make service-yaml, owns the rest (docs/infrastructure.md).
# Environment: IMAGE (pushed from this machine), GCP_PROJECT_ID, GCP_REGION, GCP_SERVICE
set -euo pipefail

docker=${DOCKER:-docker}
digest=$("$docker" image inspect --format '{{index .RepoDigests 0}}' "$IMAGE")
common=(--project "$GCP_PROJECT_ID" --region "$GCP_REGION" --quiet)

gcloud run services update "$GCP_SERVICE" "${common[@]}" --container server --image "$digest"

url=$(gcloud run services describe "$GCP_SERVICE" "${common[@]}" --format 'value(status.url)')
echo "$url"
if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "url=$url" >>"$GITHUB_OUTPUT"; fi
