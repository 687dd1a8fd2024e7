"""The steps: containers of the jobs image that each run one command of ``linear-regressor``."""

# Without "from __future__ import annotations": kfp reads the annotations, which must be types and not text.
from pathlib import Path

from kfp import dsl

# The name of `make jobs-build`; a deployment compiles with the digest of a pushed image instead.
LOCAL_IMAGE = "linear_regressor_jobs:latest"
# A model is a folder: the card is beside the model file.
MODEL_FILE = "/model.joblib"
# The program that writes an output's metadata is $0, its file $1, the URI of the output $2 and its path $3.
METADATA = Path(__file__).with_name("metadata.py").read_text(encoding="utf-8")
# The schema is text, not a location, so that an edited schema is not served from the cache; commands read a file.
SCHEMA_FILE = 'printf "%s" "$4" >/tmp/schema.yaml; '
# Keeps what a command prints, as an artefact and in the log, whatever its exit code is.
KEPT = 'mkdir -p "$(dirname "$3")"; code=0; {} >"$3" || code=$?; cat "$3"; '
# Reports with a verdict have it in their metadata.
JUDGED = (KEPT + 'verdict=passed; test $code = 0 || verdict=failed; python -c "$0" "$1" report "$2" "$3" $verdict; '
                 'exit $code')
MEASURED = KEPT + 'test $code = 0 || exit $code; python -c "$0" "$1" report "$2" "$3"'


class Steps:
    """The steps of a pipeline, all in one image."""

    def __init__(self, image: str) -> None:
        def command(*arguments: object) -> dsl.ContainerSpec:
            """Run a command of the image; ``arguments`` may be placeholders."""
            return dsl.ContainerSpec(image=image, command=["linear-regressor"], args=list(arguments))

        def shell(script: str, output: dsl.Artifact, *arguments: object) -> dsl.ContainerSpec:
            """Run a script of the shell that makes an output, with its arguments from $4."""
            return dsl.ContainerSpec(image=image, command=["sh", "-ec"], args=[
                script, METADATA, dsl.PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER, output.uri, output.path,
                *arguments])

        # The version is not an argument of the command: it is part of the key of the cache, so data that changed
        # at the same location are read again when it changes. Rows that data show cannot read may be usable.
        @dsl.container_component
        def ingest(data: str, version: str, rows: dsl.Output[dsl.Dataset]) -> dsl.ContainerSpec:
            return shell('linear-regressor ingest "$4" "$3"; if linear-regressor data show "$3" --json '
                         '>/tmp/shown.json; then python -c "$0" "$1" rows "$2" /tmp/shown.json; fi', rows, data)

        @dsl.container_component
        def verify(rows: dsl.Input[dsl.Dataset], test_rows: dsl.Input[dsl.Dataset], schema: str,
                   report: dsl.Output[dsl.Artifact]) -> dsl.ContainerSpec:
            return shell(SCHEMA_FILE + JUDGED.format('linear-regressor verify "$5" --against "$6" --schema '
                                                     '/tmp/schema.yaml'),
                         report, schema, rows.path, test_rows.path)

        # With the schema the card says that the rows were verified, and its cleaning goes into the model.
        @dsl.container_component
        def train(rows: dsl.Input[dsl.Dataset], schema: str, features: str, target: str,
                  model: dsl.Output[dsl.Model]) -> dsl.ContainerSpec:
            return shell(SCHEMA_FILE + 'linear-regressor train --data "$5" --schema /tmp/schema.yaml --features "$6" '
                                       f'--target "$7" --model-save-path "$3{MODEL_FILE}"; '
                                       'python -c "$0" "$1" model "$2" "$3/model.card.json"',
                         model, schema, rows.path, features, target)

        @dsl.container_component
        def evaluate(model: dsl.Input[dsl.Model], rows: dsl.Input[dsl.Dataset],
                     report: dsl.Output[dsl.Metrics]) -> dsl.ContainerSpec:
            return shell(MEASURED.format('linear-regressor evaluate --model-path "$4" --data "$5"'),
                         report, dsl.ConcatPlaceholder([model.path, MODEL_FILE]), rows.path)

        @dsl.container_component
        def check(model: dsl.Input[dsl.Model], rows: dsl.Input[dsl.Dataset], schema: str,
                  report: dsl.Output[dsl.Artifact]) -> dsl.ContainerSpec:
            return shell(SCHEMA_FILE + JUDGED.format('linear-regressor check "$5" --schema /tmp/schema.yaml '
                                                     '--data "$6"'),
                         report, schema, dsl.ConcatPlaceholder([model.path, MODEL_FILE]), rows.path)

        # Gate, registration and promotion in one: the decision is on the champion that it read.
        @dsl.container_component
        def promote(model: dsl.Input[dsl.Model], rows: dsl.Input[dsl.Dataset], models: str,
                    run: str) -> dsl.ContainerSpec:
            return command("models", "promote", dsl.ConcatPlaceholder([model.path, MODEL_FILE]), "--data", rows.path,
                           "--models", models, "--pipeline-run", run)

        self.ingest, self.verify, self.train = ingest, verify, train
        self.evaluate, self.check, self.promote = evaluate, check, promote
