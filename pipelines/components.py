"""The steps: containers of the jobs image that each run one command of ``linear-regressor``."""

# Without "from __future__ import annotations": kfp reads the annotations, which must be types and not text.
from kfp import dsl

# The name of `make jobs-build`; a deployment compiles with the digest of a pushed image instead.
LOCAL_IMAGE = "linear_regressor_jobs:latest"
# A model is a folder: the card is beside the model file.
MODEL_FILE = "/model.joblib"
# The schema is text, not a location, so that an edited schema is not served from the cache; commands read a file.
SCHEMA_FILE = 'printf "%s" "$0" >/tmp/schema.yaml; '
# Keeps what a command prints, as an artefact and in the log, whatever its exit code is.
KEPT = 'mkdir -p "$(dirname "$1")"; code=0; {} >"$1" || code=$?; cat "$1"; exit $code'


class Steps:
    """The steps of a pipeline, all in one image."""

    def __init__(self, image: str) -> None:
        def command(*arguments: object) -> dsl.ContainerSpec:
            """Run a command of the image; ``arguments`` may be placeholders."""
            return dsl.ContainerSpec(image=image, command=["linear-regressor"], args=list(arguments))

        def shell(script: str, *arguments: object) -> dsl.ContainerSpec:
            """Run a script of the shell, with its arguments from $0."""
            return dsl.ContainerSpec(image=image, command=["sh", "-ec"], args=[script, *arguments])

        # The version is not an argument of the command: it is part of the key of the cache, so data that changed
        # at the same location are read again when it changes.
        @dsl.container_component
        def ingest(data: str, version: str, rows: dsl.Output[dsl.Dataset]) -> dsl.ContainerSpec:
            return command("ingest", data, rows.path)

        @dsl.container_component
        def verify(rows: dsl.Input[dsl.Dataset], test_rows: dsl.Input[dsl.Dataset], schema: str,
                   report: dsl.Output[dsl.Artifact]) -> dsl.ContainerSpec:
            return shell(SCHEMA_FILE + KEPT.format('linear-regressor verify "$2" --against "$3" --schema '
                                                   '/tmp/schema.yaml'),
                         schema, report.path, rows.path, test_rows.path)

        # With the schema the card says that the rows were verified, and its cleaning goes into the model.
        @dsl.container_component
        def train(rows: dsl.Input[dsl.Dataset], schema: str, features: str, target: str,
                  model: dsl.Output[dsl.Model]) -> dsl.ContainerSpec:
            return shell(SCHEMA_FILE + 'linear-regressor train --data "$1" --schema /tmp/schema.yaml --features "$2" '
                                       '--target "$3" --model-save-path "$4"',
                         schema, rows.path, features, target, dsl.ConcatPlaceholder([model.path, MODEL_FILE]))

        @dsl.container_component
        def evaluate(model: dsl.Input[dsl.Model], rows: dsl.Input[dsl.Dataset],
                     report: dsl.Output[dsl.Artifact]) -> dsl.ContainerSpec:
            return shell(KEPT.format('linear-regressor evaluate --model-path "$0" --data "$2"'),
                         dsl.ConcatPlaceholder([model.path, MODEL_FILE]), report.path, rows.path)

        @dsl.container_component
        def check(model: dsl.Input[dsl.Model], rows: dsl.Input[dsl.Dataset], schema: str,
                  report: dsl.Output[dsl.Artifact]) -> dsl.ContainerSpec:
            return shell(SCHEMA_FILE + KEPT.format('linear-regressor check "$2" --schema /tmp/schema.yaml --data "$3"'),
                         schema, report.path, dsl.ConcatPlaceholder([model.path, MODEL_FILE]), rows.path)

        # Gate, registration and promotion in one: the decision is on the champion that it read.
        @dsl.container_component
        def promote(model: dsl.Input[dsl.Model], rows: dsl.Input[dsl.Dataset], models: str,
                    run: str) -> dsl.ContainerSpec:
            return command("models", "promote", dsl.ConcatPlaceholder([model.path, MODEL_FILE]), "--data", rows.path,
                           "--models", models, "--pipeline-run", run)

        self.ingest, self.verify, self.train = ingest, verify, train
        self.evaluate, self.check, self.promote = evaluate, check, promote
