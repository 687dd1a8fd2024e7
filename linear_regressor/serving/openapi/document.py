"""The whole description."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from linear_regressor.serving.contracts import health, kserve_v1, kserve_v2, mlflow, model_info, native, vertex
from linear_regressor.serving.openapi.operation import ERROR_SCHEMAS, HEADERS, PROBLEM_RESPONSES, REQUIREMENTS, SCHEMES
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.settings import Settings

Json = dict[str, Any]

TAGS = {
    native.TAG: "This service's own contract.",
    model_info.TAG: "What is known of the model, and which x gives y.",
    vertex.TAG: "Custom containers of Vertex AI: the routes that the platform chooses.",
    kserve_v2.TAG: "KServe V2, which Triton and MLServer speak too.",
    kserve_v1.TAG: "KServe V1, which is TensorFlow Serving's REST form.",
    mlflow.TAG: "MLflow's scoring protocol.",
    health.TAG: "Pages, probes, counts and this description.",
}
FORMS = (PROBLEM_RESPONSES, kserve_v2.ERROR_RESPONSES, mlflow.ERROR_RESPONSES)


def openapi_document(predictor: Predictor, settings: Settings) -> Json:
    """Describe the service as it is set and the model that it serves."""
    described = _paths(predictor, settings)
    responses = {name: response for form in FORMS for name, response in form.responses().items()}
    return {
        "openapi": "3.1.1",
        "info": _info(predictor),
        "servers": [{"url": "/", "description": "The server that this document came from."}],
        "tags": _tags(described),
        "security": REQUIREMENTS[settings.security.auth],
        "paths": described,
        "components": {"schemas": _schemas(predictor), "responses": _used(responses, described), "headers": HEADERS,
                       "securitySchemes": SCHEMES},
    }


def _paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe every route; one that the platform chose may be one of ours."""
    name = settings.model_name
    return {**vertex.openapi_paths(predictor, settings), **native.openapi_paths(predictor),
            **model_info.openapi_paths(predictor, name), **kserve_v2.openapi_paths(predictor, name),
            **kserve_v1.openapi_paths(predictor, name), **mlflow.openapi_paths(predictor), **health.openapi_paths()}


def _schemas(predictor: Predictor) -> Json:
    """Gather the schemas of all bodies."""
    return {**ERROR_SCHEMAS, **native.openapi_schemas(predictor), **model_info.openapi_schemas(predictor),
            **kserve_v2.openapi_schemas(predictor), **kserve_v1.openapi_schemas(predictor),
            **mlflow.openapi_schemas(predictor)}


def _tags(described: Json) -> list[Json]:
    """Name the contracts that have a route."""
    used = {tag for item in described.values() for operation in item.values() for tag in operation["tags"]}
    return [{"name": name, "description": description} for name, description in TAGS.items() if name in used]


def _info(predictor: Predictor) -> Json:
    """Say what this is."""
    artefact = predictor.artefact
    return {
        "title": "linear_regressor",
        "version": version("linear-regressor"),
        "summary": f"Predicts {artefact.target} from {', '.join(artefact.features)}.",
        "description": "A linear regression that tells with every answer, where asked, how far it can be trusted. "
                       "Every GET answers HEAD too; a method that a path does not take is a 405 whose Allow header "
                       "names those it takes, and an unknown path a 404, both in the form of errors of their path; "
                       "a request that does not come whole is a 408, one with too many headers a 431.",
        "license": {"name": "MIT", "identifier": "MIT"},
        "x-model-digest": f"sha256:{artefact.digest}",
        "x-training-rows": artefact.moments.n,
    }


def _used(responses: Json, described: Json) -> Json:
    """Keep the answers that a route refers to."""
    names = {answer["$ref"].rpartition("/")[2] for item in described.values() for operation in item.values()
             for answer in operation["responses"].values() if "$ref" in answer}
    return {name: response for name, response in responses.items() if name in names}
