"""The pipeline: its steps in order, with retries, resource limits and caching."""

# Without "from __future__ import annotations": kfp reads the annotations, which must be types and not text.
from kfp import dsl
from kfp.dsl import base_component

from pipelines.components import Steps

NAME = "linear-regressor"


def pipeline_of(image: str) -> base_component.BaseComponent:
    """Return the pipeline with steps in one image."""
    steps = Steps(image)

    @dsl.pipeline(name=NAME, description="From data to a promoted linear regression model.")
    def from_data_to_promotion(data: str, test_data: str, data_version: str, schema: str, features: str,
                               target: str, models: str) -> None:
        """Train on ``data`` and promote in ``models`` if the gate finds the model good enough on ``test_data``."""
        training = steps.ingest(data=data, version=data_version).set_display_name("ingest training rows")
        test = steps.ingest(data=test_data, version=data_version).set_display_name("ingest test rows")
        # Not again after a failure: a finding is a failure, too.
        verification = steps.verify(rows=training.output, test_rows=test.output, schema=schema)
        model = steps.train(rows=training.output, schema=schema, features=features, target=target).after(verification)
        report = steps.evaluate(model=model.output, rows=test.output)
        # Not again after a failure: what a model does is the same each time.
        behaviour = steps.check(model=model.output, rows=test.output, schema=schema)
        behaviour.set_display_name("behaviour tests")
        # Not from the cache: the champion, with which the gate compares, may be another one. Not again after a failure:
        # a refusal is a failure, too, and each decision is recorded.
        promotion = steps.promote(model=model.output, rows=test.output, models=models,
                                  run=dsl.PIPELINE_JOB_NAME_PLACEHOLDER)
        promotion.after(report, behaviour).set_caching_options(False)

        # Reading can fail for a moment. Memory is constant in the number of rows.
        for step in (training, test):
            _sized(step, cpu="1", memory="1Gi").set_retry(num_retries=2, backoff_duration="5s", backoff_factor=2)
        _sized(verification, cpu="2", memory="2Gi")
        _sized(model, cpu="2", memory="2Gi").set_retry(num_retries=1, backoff_duration="5s", backoff_factor=2)
        _sized(report, cpu="1", memory="1Gi").set_retry(num_retries=1, backoff_duration="5s", backoff_factor=2)
        _sized(behaviour, cpu="1", memory="1Gi")
        _sized(promotion, cpu="1", memory="1Gi")

    return from_data_to_promotion


def _sized(step: dsl.PipelineTask, cpu: str, memory: str) -> dsl.PipelineTask:
    """Request and limit the same resources, so that the step is not ended for what another one uses."""
    return step.set_cpu_request(cpu).set_cpu_limit(cpu).set_memory_request(memory).set_memory_limit(memory)
