"""The code in ``docs/extending.md`` adds a contract, a statistic and a setting."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import given, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.serving.app import CONTRACTS, create_app
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from linear_regressor.serving.contract import Contract
from linear_regressor.serving.settings import Settings
from tests.documented_limits import MOST_ROWS
from tests.running_server import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text()
ROWS = {"instances": [[0.5], [1]]}
# Where rows go, and the line above them.
PLACES = {
    "linear_regressor/serving/predictor/statistics.py: in STATISTICS": "STATISTICS = (\n",
    "linear_regressor/serving/settings.py: in Settings": '    """Everything an operator can configure."""\n\n',
    "linear_regressor/serving/app.py: in CONTRACTS": "CONTRACTS = (\n"}


def block(place: str) -> str:
    """Give the code that the page shows for a place."""
    (code,) = re.findall(rf"```python\n# {re.escape(place)}\n(.*?)```", PAGE, re.DOTALL)
    return str(code)


@pytest.fixture(scope="module")
def totals() -> Contract:
    """Give the contract of the page."""
    module = ModuleType("linear_regressor.serving.contracts.totals")
    exec(compile(block("linear_regressor/serving/contracts/totals.py"), "docs/extending.md", "exec"), module.__dict__)
    contract: Contract = module.CONTRACT
    return contract


@pytest.fixture
def client(totals: Contract, model_path: Path) -> FlaskClient:
    """Give a client of the service with that contract."""
    return client_of(model_path, totals)


def client_of(model_path: Path, totals: Contract, **environ: str) -> FlaskClient:
    """Register the contract and give a client."""
    environ = {"MODEL_PATH": str(model_path), "ACCESS_LOG": "off", **environ}
    return create_app(Settings.from_env(environ), contracts=(*CONTRACTS, totals)).test_client()


def test_the_contract_answers(client: FlaskClient) -> None:
    """With the predictions of /batch, and the headers of every prediction."""
    predictions = client.post("/batch", json=ROWS).get_json()["predictions"]
    answer = client.post("/totals", json=ROWS)

    assert {"total": pytest.approx(sum(predictions))} == answer.get_json()
    assert {"X-Model-Version", "X-Model-Digest", "X-Request-Id", "traceparent"} <= set(answer.headers.keys())


def test_the_contract_is_described(client: FlaskClient) -> None:
    """With its tag, its error format, and security where it is not open."""
    document = json.loads(client.get("/openapi.json").text)
    post, get = document["paths"]["/totals"]["post"], document["paths"]["/totals/ready"]["get"]

    validate(document)
    assert {"name": "totals", "description": "The sum of predictions."} in document["tags"]
    assert {"200", "400", "401", "403", "413", "415", "429", "500", "503"} == set(post["responses"])
    assert {"$ref": "#/components/responses/Totals400"} == post["responses"]["400"]
    assert "failed" in document["components"]["schemas"]["TotalsError"]["properties"]
    assert ([], ["totals"], None) == (get["security"], get["tags"], post.get("security"))
    assert 'id="addUp"' in client.get("/docs").text


def test_the_contract_is_authorised(totals: Contract, model_path: Path, tmp_path: Path) -> None:
    """Its probe is open; everything else needs a key, and is refused in the contract's own format."""
    key, path = generate_key(), tmp_path / "keys.json"
    write_keys(path, [StoredKey("one", key_digest(key).hex(), ("predict",))])
    client = client_of(model_path, totals, AUTH="api-key", API_KEYS_FILE=str(path))
    refused = client.post("/totals", json=ROWS)

    assert (401, ["failed"]) == (refused.status_code, list(refused.get_json()))
    assert 200 == client.post("/totals", json=ROWS, headers={"X-API-Key": key}).status_code
    assert [200, 200, 401, 401] == [client.open(path, method=method).status_code for method, path in (
        ("GET", "/totals/ready"), ("HEAD", "/totals/ready"), ("POST", "/totals/ready"), ("GET", "/totals/readyx"))]


def test_the_contract_is_measured(client: FlaskClient) -> None:
    """By route; its predictions count as all others."""
    client.post("/totals", json=ROWS)
    lines = client.get("/metrics").text.splitlines()

    assert 'http_requests_total{code="200",method="POST",route="/totals"} 1.0' in lines
    assert any(re.fullmatch(r"predictions_total\{.*\} 2\.0", line) for line in lines)


@pytest.mark.parametrize(("body", "status", "words"), [
    (b"[]", 400, "# must be an object"), (b"{", 400, "# must be JSON"),
    (b'{"instances": []}', 400, "#/instances must have at least one row")])
def test_the_contract_formats_its_errors(client: FlaskClient, body: bytes, status: int, words: str) -> None:
    """Those of bodies, of routing, and while the server is stopping."""
    answer = client.post("/totals", data=body, content_type="application/json")
    others = [client.get("/totals"), client.get("/totals/none")]
    application: Any = client.application
    application.service.readiness.draining = True
    others.append(client.get("/totals/ready"))

    assert (status, "application/json") == (answer.status_code, answer.content_type)
    assert ["failed"] == list(answer.get_json())
    assert words in answer.get_json()["failed"]
    assert [(405, ["failed"]), (404, ["failed"]), (503, ["failed"])] == [
        (other.status_code, list(other.get_json())) for other in others]


def test_the_contract_conforms_to_its_description(model_path: Path, totals: Contract) -> None:
    """Schemathesis sends valid and invalid requests and checks every response."""
    client = client_of(model_path, totals, MAX_ROWS=str(MOST_ROWS))
    described = schemathesis.openapi.from_wsgi("/openapi.json", client.application)
    total, ready = described["/totals"]["POST"], described["/totals/ready"]["GET"]
    statuses = []
    for operation, mode in ((total, GenerationMode.POSITIVE), (total, GenerationMode.NEGATIVE),
                            (ready, GenerationMode.POSITIVE)):
        @settings(max_examples=20)
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            statuses.append(case.call_and_validate().status_code)

        check()

    assert {200, 400} <= set(statuses)


def test_the_probe_of_the_contract_is_one_of_the_list(client: FlaskClient) -> None:
    """From which worker, access log and tracing know it."""
    application: Any = client.application
    probes = application.service.probes

    assert "/totals/ready" in probes
    assert {b"GET /totals/ready ", b"HEAD /totals/ready "} <= set(probes.requests)
    assert probes.is_unlogged("/totals/ready") and not probes.is_unlogged("/totals")


def test_the_order_of_contracts_does_not_matter(totals: Contract, model_path: Path, seed: int) -> None:
    """Shuffled, every route answers the same, and the description is the same."""
    environ = {"MODEL_PATH": str(model_path), "ACCESS_LOG": "off", "AIP_HEALTH_ROUTE": "/vertex/up",
               "AIP_PREDICT_ROUTE": "/vertex/up:predict", "AIP_ENDPOINT_ID": "1", "AIP_DEPLOYED_MODEL_ID": "2"}
    contracts = [*CONTRACTS, totals]
    seen = []
    for _ in range(3):
        client = create_app(Settings.from_env(environ), contracts=contracts).test_client()
        answers = [client.open(path.replace("{name}", name), method=method, json=ROWS if method == "post" else None)
                   for path, item in sorted(json.loads(client.get("/openapi.json").text)["paths"].items())
                   for method in sorted(item) for name in ("linear-regressor", "up")
                   # without answers that name times and what was recorded before
                   if path not in ("/openapi.json", "/docs", "/metrics") and "/monitoring" not in path]
        document = json.loads(client.get("/openapi.json").text)
        document["tags"].sort(key=lambda tag: str(tag["name"]))
        seen.append((document, [(answer.status_code, re.sub(r'"(request_id|id)":"\w+"', "", answer.text))
                                for answer in answers]))
        random.Random(seed).shuffle(contracts)

    assert seen[0] == seen[1] == seen[2], f"seed {seed}"


def test_two_contracts_cannot_have_the_same_path(totals: Contract, model_path: Path) -> None:
    """Whichever is named first."""
    environ = {"MODEL_PATH": str(model_path)}
    for contracts in ((CONTRACTS[0], twin(CONTRACTS[0])), (twin(CONTRACTS[0]), CONTRACTS[0])):
        with pytest.raises(ValueError, match=r"the contracts (predictions and twin|twin and predictions) both have"):
            create_app(Settings.from_env(environ), contracts=contracts)


def twin(contract: Contract) -> Contract:
    """Make a contract with another name and the same routes."""
    def routes(service: Any) -> Any:
        blueprint = contract.routes(service)
        blueprint.name = "twin"
        return blueprint

    return contract._replace(routes=routes)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory, line: Artefact) -> Path:
    """Give a folder with a copy of the package to which the rows of the page were added, and a model."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "linear_regressor", folder / "linear_regressor",
                    ignore=shutil.ignore_patterns("__pycache__"))
    for place, before in PLACES.items():
        file = folder / place.partition(":")[0]
        assert 1 == file.read_text().count(before)
        file.write_text(file.read_text().replace(before, before + block(place)))
    app = folder / "linear_regressor" / "serving" / "app.py"
    app.write_text(app.read_text().replace("    native,\n", "    native,\n    totals,\n"))
    contract = folder / "linear_regressor" / "serving" / "contracts" / "totals.py"
    contract.write_text(block("linear_regressor/serving/contracts/totals.py"))
    save(line, folder / "model.joblib", {})
    return folder


def run(folder: Path, *command: str, **environ: str) -> str:
    """Run Python with the package in a folder."""
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(folder), **environ})
    assert 0 == done.returncode, done.stderr
    return done.stdout


SCRIPT = """
import json
from linear_regressor.serving.app import create_app
from linear_regressor.serving.settings import Settings
settings = Settings.from_env({"MODEL_PATH": "model.joblib", "ACCESS_LOG": "off", "RETRY_AFTER": "7"})
client = create_app(settings).test_client()
infer = {"inputs": [{"name": "x0", "shape": [2, 1], "datatype": "FP64", "data": [0.5, 1]}],
         "outputs": [{"name": "distance"}, {"name": "t2"}]}
batch = {"instances": [[0.5], [1]], "parameters": {"range": True}}
print(json.dumps({"batch": client.post("/batch", json=batch).get_json()["predictions"],
                  "infer": client.post("/v2/models/linear-regressor/infer", json=infer).get_json(),
                  "openapi": json.loads(client.get("/openapi.json").text), "setting": settings.retry_after,
                  "totals": client.post("/totals", json={"instances": [[0.5], [1]]}).get_json()}))
"""


def test_one_row_adds_a_statistic(extended: Path) -> None:
    """To the response, to the tensors of KServe V2, and to the description, which stays valid."""
    told = json.loads(run(extended, "-c", SCRIPT))
    distances = [row["distance"] for row in told["batch"]]
    schemas = told["openapi"]["components"]["schemas"]

    validate(told["openapi"])
    assert [row["t2"] ** 0.5 for row in told["batch"]] == pytest.approx(distances)
    assert ["distance", "t2"] == [output["name"] for output in told["infer"]["outputs"]]
    assert distances == told["infer"]["outputs"][0]["data"]
    assert "standard deviations" in schemas["Prediction"]["properties"]["distance"]["description"]
    assert "distance" in schemas["Parameters"]["properties"]["range"]["description"]
    assert "distance" in told["openapi"]["paths"]["/batch"]["post"]["responses"]["200"]["content"]["application/json"][
        "examples"]["statistics"]["value"]["predictions"][0]


def test_one_module_and_one_line_add_the_contract(extended: Path) -> None:
    """In the package itself, as the page says."""
    assert ["total"] == list(json.loads(run(extended, "-c", SCRIPT))["totals"])


def test_one_row_adds_a_setting(extended: Path) -> None:
    """To the settings, the help of ``serve`` and the table of the documentation."""
    table = run(extended, "-m", "linear_regressor.serving.settings")
    usage = run(extended, "-c", "from linear_regressor.cli import main; main(['serve', '--help'])")
    wrong = run(extended, "-c", "from linear_regressor.serving.settings import Settings\n"
                                "try: Settings.from_env({'RETRY_AFTER': '0'})\nexcept Exception as error: print(error)")

    assert 7 == json.loads(run(extended, "-c", SCRIPT))["setting"]
    assert "| `RETRY_AFTER` | | 1 | Seconds that an overloaded server asks clients to wait, 1 to 3600. |" in table
    assert "RETRY_AFTER" in usage
    assert "RETRY_AFTER is '0': must be a whole number from 1 to 3600" == wrong.strip()
