#!/usr/bin/env bash
# Deploy a pushed image to Cloud Run by digest, with authentication required; print the URL of the service.
# Environment: IMAGE (pushed from this machine), GCP_PROJECT_ID, GCP_REGION, GCP_SERVICE, GCP_RUNTIME_SERVICE_ACCOUNT
set -euo pipefail

docker=${DOCKER:-docker}
digest=$("$docker" image inspect --format '{{index .RepoDigests 0}}' "$IMAGE")
common=(--project "$GCP_PROJECT_ID" --region "$GCP_REGION" --quiet)

# One worker with threads for one CPU. The default probe period of 10 s would delay every cold start.
gcloud run deploy "$GCP_SERVICE" "${common[@]}" \
  --image "$digest" \
  --service-account "$GCP_RUNTIME_SERVICE_ACCOUNT" \
  --no-allow-unauthenticated \
  --execution-environment gen2 \
  --cpu 1 --memory 512Mi --concurrency 80 --min-instances 0 --max-instances 4 --timeout 30 \
  --cpu-boost \
  --update-env-vars "WEB_CONCURRENCY=1,GOOGLE_CLOUD_PROJECT=$GCP_PROJECT_ID" \
  --startup-probe httpGet.path=/health/ready,periodSeconds=1,timeoutSeconds=1,failureThreshold=30 \
  --liveness-probe httpGet.path=/health/live,periodSeconds=10

url=$(gcloud run services describe "$GCP_SERVICE" "${common[@]}" --format 'value(status.url)')
echo "$url"
if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "url=$url" >>"$GITHUB_OUTPUT"; fi
