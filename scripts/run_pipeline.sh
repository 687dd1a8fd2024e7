#!/usr/bin/env bash
# The scheduled pipeline in one container of the jobs image: verify, train, test, and promote through the gate.
# The same commands as in pipelines/components.py; a step that fails ends it, and MODELS stays as it was.
# Usage: run_pipeline.sh DATA TEST_DATA SCHEMA FEATURES TARGET MODELS      (SCHEMA is text, all others are as in train)
set -euo pipefail

data=$1 test_data=$2 features=$4 target=$5 models=$6
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
schema=$work/schema.yaml model=$work/model.joblib
printf '%s' "$3" >"$schema"

linear-regressor verify "$data" --against "$test_data" --schema "$schema"
linear-regressor train --data "$data" --schema "$schema" --features "$features" --target "$target" \
  --model-save-path "$model"
linear-regressor check "$model" --schema "$schema" --data "$test_data"
# Cloud Run names the execution
linear-regressor models promote "$model" --data "$test_data" --models "$models" \
  ${CLOUD_RUN_EXECUTION:+--pipeline-run "$CLOUD_RUN_EXECUTION"}
