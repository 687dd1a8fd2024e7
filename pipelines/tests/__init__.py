"""The pipeline, run for real by `make pipeline-local`."""
