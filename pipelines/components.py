"""The steps: containers of the jobs image that each run one command of ``linear-regressor``."""

# Without "from __future__ import annotations": kfp reads the annotations, which must be types and not text.
from kfp import dsl

# The name of `make jobs-build`; a deployment compiles with the digest of a pushed image instead.
LOCAL_IMAGE = "linear_regressor_jobs:latest"
# A model is a folder: the card is beside the model file.
MODEL_FILE = "/model.joblib"


class Steps:
    """The steps of a pipeline, all in one image."""

    # The shell keeps what a command prints, as an artefact and in the log.
    def __init__(self, image: str) -> None:
        def command(*arguments: object) -> dsl.ContainerSpec:
            """Run a command of the image; ``arguments`` may be placeholders."""
            return dsl.ContainerSpec(image=image, command=["linear-regressor"], args=list(arguments))

        # The version is not an argument of the command: it is part of the key of the cache, so data that changed
        # at the same location are read again when it changes.
        @dsl.container_component
        def ingest(data: str, version: str, rows: dsl.Output[dsl.Dataset]) -> dsl.ContainerSpec:
            return command("ingest", data, rows.path)

        # The schema is text, not a location, so that an edited schema is not served from the cache.
        @dsl.container_component
        def verify(rows: dsl.Input[dsl.Dataset], test_rows: dsl.Input[dsl.Dataset], schema: str,
                   report: dsl.Output[dsl.Artifact]) -> dsl.ContainerSpec:
            return dsl.ContainerSpec(image=image, command=["sh", "-ec"], args=[
                'mkdir -p "$(dirname "$3")"; printf "%s" "$2" >/tmp/schema.yaml; code=0; '
                'linear-regressor verify "$0" --against "$1" --schema /tmp/schema.yaml >"$3" || code=$?; '
                'cat "$3"; exit $code',
                rows.path, test_rows.path, schema, report.path])

        @dsl.container_component
        def train(rows: dsl.Input[dsl.Dataset], features: str, target: str,
                  model: dsl.Output[dsl.Model]) -> dsl.ContainerSpec:
            return command("train", "--data", rows.path, "--features", features, "--target", target,
                           "--model-save-path", dsl.ConcatPlaceholder([model.path, MODEL_FILE]))

        @dsl.container_component
        def evaluate(model: dsl.Input[dsl.Model], rows: dsl.Input[dsl.Dataset],
                     report: dsl.Output[dsl.Artifact]) -> dsl.ContainerSpec:
            return dsl.ContainerSpec(image=image, command=["sh", "-ec"], args=[
                'mkdir -p "$(dirname "$2")"; linear-regressor evaluate --model-path "$0" --data "$1" >"$2"; cat "$2"',
                dsl.ConcatPlaceholder([model.path, MODEL_FILE]), rows.path, report.path])

        # The report is an input so that a model that cannot be evaluated is not promoted.
        @dsl.container_component
        def promote(model: dsl.Input[dsl.Model], rows: dsl.Input[dsl.Dataset], models: str,
                    by: str) -> dsl.ContainerSpec:
            return command("models", "promote", dsl.ConcatPlaceholder([model.path, MODEL_FILE]), "--data", rows.path,
                           "--models", models, "--by", by)

        self.ingest, self.verify, self.train, self.evaluate, self.promote = ingest, verify, train, evaluate, promote
