#!/usr/bin/env bash
# Let the Cloud Run service serve a version of the models in a bucket: the champion, or VERSION; print version and digest.
# The version is read and verified here first. The service mounts the bucket read-only.
# Environment: MODELS (gs://bucket/path), GCP_PROJECT_ID, GCP_REGION, GCP_SERVICE; VERSION (optional)
set -euo pipefail

bucket=${MODELS#gs://} && path=${bucket#*/} && bucket=${bucket%%/*}
if [ "$MODELS" != "gs://$bucket/$path" ]; then
  echo "MODELS is '$MODELS', but must be gs://bucket/path" >&2
  exit 2
fi
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
fetched=$(linear-regressor models fetch "$MODELS@${VERSION:-champion}" "$folder/model.joblib")
version=$(sed -n 's/.*: version \([0-9a-f]*\), sha256 .*/\1/p' <<<"$fetched")

# Each revision serves one version, which it verifies before it gets requests; rolling back is promoting the other one.
gcloud run services update "$GCP_SERVICE" --project "$GCP_PROJECT_ID" --region "$GCP_REGION" --quiet \
  --add-volume "name=models,type=cloud-storage,bucket=$bucket,readonly=true" \
  --add-volume-mount "volume=models,mount-path=/models" \
  --update-env-vars "MODEL_PATH=/models/$path/$version/model.joblib" \
  --update-labels "model=$version"
echo "$version sha256:${fetched##* }"
