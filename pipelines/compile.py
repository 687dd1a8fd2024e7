"""Compile the pipeline: ``python -m pipelines.compile [--image IMAGE [--schedule kubeflow|vertex --settings FILE]]``.

Without an image, the committed files are updated, and the exit code is 1 if one was stale. With one, the pipeline of a
deployment is printed, or its schedule.
"""

import argparse
import tempfile
from pathlib import Path

from kfp import compiler

from pipelines.components import LOCAL_IMAGE
from pipelines.pipeline import pipeline_of
from pipelines.schedule import PLATFORMS, SETTINGS, request

COMMITTED = Path(__file__).with_name("pipeline.yaml")


def compiled(image: str) -> str:
    """Return the YAML of the pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pipeline.yaml")
        compiler.Compiler().compile(pipeline_of(image), str(path))
        return path.read_text(encoding="utf-8")


def update() -> None:
    """Write the committed pipeline and schedules; exit with 1 if one was another."""
    pipeline = compiled(LOCAL_IMAGE)
    texts = {COMMITTED: pipeline, **{COMMITTED.with_name(f"schedule_{platform}.json"):
                                     request(platform, pipeline, SETTINGS) for platform in PLATFORMS}}
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")
    if stale:
        raise SystemExit(f"stale and updated: {', '.join(f'pipelines/{path.name}' for path in stale)}; commit them")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compile the pipeline.")
    parser.add_argument("--image", help="jobs image of a deployment, named by its digest; its pipeline is printed")
    parser.add_argument("--schedule", choices=PLATFORMS, help="print the request for its schedule instead")
    parser.add_argument("--settings", type=Path, help="when it starts and with what, such as pipelines/schedule.yaml")
    arguments = parser.parse_args()
    if (arguments.schedule is None) != (arguments.settings is None) or (arguments.schedule and not arguments.image):
        parser.error("--schedule needs --image and --settings")
    if arguments.image is None:
        update()
    elif arguments.schedule is None:
        print(compiled(arguments.image), end="")
    else:
        print(request(arguments.schedule, compiled(arguments.image), arguments.settings), end="")
