"""Compile the pipeline: ``python -m pipelines.compile [--image IMAGE]``.

Without an image, pipelines/pipeline.yaml is updated, and the exit code is 1 if it was stale. With one, the YAML for a
deployment is printed.
"""

import argparse
import tempfile
from pathlib import Path

from kfp import compiler

from pipelines.components import LOCAL_IMAGE
from pipelines.pipeline import pipeline_of

COMMITTED = Path(__file__).with_name("pipeline.yaml")


def compiled(image: str) -> str:
    """Return the YAML of the pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pipeline.yaml")
        compiler.Compiler().compile(pipeline_of(image), str(path))
        return path.read_text(encoding="utf-8")


def update() -> None:
    """Write the committed YAML; exit with 1 if it was another one."""
    text = compiled(LOCAL_IMAGE)
    if COMMITTED.exists() and COMMITTED.read_text(encoding="utf-8") == text:
        return
    COMMITTED.write_text(text, encoding="utf-8")
    raise SystemExit("pipelines/pipeline.yaml was stale and is updated: commit it")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compile the pipeline.")
    parser.add_argument("--image", help="jobs image of a deployment, named by its digest; its YAML is printed")
    image = parser.parse_args().image
    if image is None:
        update()
    else:
        print(compiled(image), end="")
