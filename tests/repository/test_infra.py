"""infra/service.json holds what code and infrastructure share; Terraform and the service YAML take it from there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest

from infra.capacity import memory, processors
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.cli import main
from linear_regressor.serving.app import create_app
from linear_regressor.serving.auth.scopes import SCOPES
from linear_regressor.serving.settings import Settings, all_settings
from tests import ROOT
from tests.command_line import run

SCRIPTS = ROOT / "scripts"
JOBS_IMAGE = (ROOT / "jobs.Dockerfile").read_text(encoding="utf-8")
INFRA = ROOT / "infra"
TERRAFORM = INFRA / "terraform"
MODULES = TERRAFORM / "modules"
VALUES: dict[str, Any] = json.loads((INFRA / "service.json").read_text(encoding="utf-8"))
SOURCES = {path.relative_to(TERRAFORM): path.read_text(encoding="utf-8") for path in sorted(TERRAFORM.rglob("*.tf"))
           if ".terraform" not in path.parts}
DIGEST = "example/server@sha256:" + "0" * 64
ACCOUNT = "linear-regressor-server@example.iam.gserviceaccount.com"
DATABASE = {"GCP_SQL_CONNECTION": "example:europe-west1:linear-regressor", "GCP_SUBNETWORK": "linear-regressor-run"}
needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")


def service_yaml(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a deployment's variables, some replaced; "" removes one."""
    environ = {"IMAGE": DIGEST, "GCP_PROJECT_ID": "example", "GCP_RUNTIME_SERVICE_ACCOUNT": ACCOUNT} | environment
    return subprocess.run([sys.executable, str(ROOT / "scripts" / "service_yaml.py")], env=environ, capture_output=True,
                          text=True, timeout=60)


def module(name: str) -> str:
    """Return all files of a module as one text."""
    return "\n".join(text for path, text in SOURCES.items() if path.parts[:2] == ("modules", name))


# --- shared values and the code -----------------------------------------------------------------------------------


def test_probes_are_paths_that_the_service_answers_without_credentials() -> None:
    """Also when clients must authenticate; startup and uptime ask for the model, liveness for the process."""
    app = create_app(Settings(model_path=str(ROOT / "models" / "simple_linear_regressor.joblib")))
    client = app.test_client()
    probes = VALUES["probes"]

    assert {"startup", "liveness", "uptime"} == probes.keys()
    for probe in probes.values():
        assert probe["path"] in app.service.probes
        assert 200 == client.get(probe["path"]).status_code
        assert not probe["path"].endswith("z"), "Cloud Run reserves such paths"
    assert client.get(probes["startup"]["path"]).json == {"ready": True} == client.get(probes["uptime"]["path"]).json
    assert client.get(probes["liveness"]["path"]).json == {"live": True}


def test_a_startup_may_take_as_long_as_cloud_run_allows() -> None:
    """The product is at most 240 s, and a missed probe costs one second, not ten."""
    startup = VALUES["probes"]["startup"]

    assert 10 <= startup["period_seconds"] * startup["failure_threshold"] <= 240
    assert 1 == startup["period_seconds"]


def test_variables_are_settings_that_the_service_accepts() -> None:
    """Those of all environments, and those that Terraform adds."""
    settings = Settings.from_env({**VALUES["environment"], "PORT": str(VALUES["port"])})
    known = {row.variable for row in all_settings()}
    set_in_terraform = set(re.findall(r"\b([A-Z][A-Z_]+) *= ", module("values"))) - {"MODELS"}

    assert (VALUES["port"], 1) == (settings.port, settings.workers)
    assert {"STORE", "GOOGLE_CLOUD_PROJECT", "MODEL_PATH", "AUTH", "API_KEYS_FILE"} == set_in_terraform
    assert set() == (VALUES["environment"].keys() | set_in_terraform) - known


def test_an_instance_accepts_the_requests_that_cloud_run_sends_it() -> None:
    """None would get 503 before the platform starts another instance."""
    assert VALUES["concurrency"] <= Settings().security.max_concurrency


def test_limits_are_those_that_cloud_run_accepts() -> None:
    """Each at least 0.08 vCPU, and at most 512 MiB below 0.5; one vCPU and 512 MiB together, or no concurrency."""
    containers = VALUES["limits"], VALUES["database"]["proxy_limits"], VALUES["collector"]["limits"]
    vcpu, mib = [processors(one) for one in containers], [memory(one) for one in containers]

    assert all(one >= 0.08 and (one == int(one) or one < 1) for one in vcpu)
    assert all(size <= 512 for one, size in zip(vcpu, mib, strict=True) if one < 0.5)
    assert sum(vcpu) >= 1 and sum(mib) >= 512


def test_scopes_are_those_of_the_code() -> None:
    """In the same order."""
    assert list(SCOPES) == VALUES["scopes"]


def test_the_collector_scrapes_the_port_and_path_of_the_service() -> None:
    """As its configuration says."""
    config = (INFRA / "monitoring" / "run_monitoring.yml").read_text(encoding="utf-8")

    assert f"port: {VALUES['port']}\n" in config
    assert "path: /metrics\n" in config


def test_jobs_run_commands_with_everything_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands themselves parse the words of each job, so a missing or unknown option is an error."""
    monkeypatch.setenv("STORE", "sqlite:///feedback.db")  # as Terraform does
    commands = {name: job["command"] for name, job in VALUES["jobs"].items()}
    for program, *words in [words for name, words in commands.items() if name != "pipeline"]:
        assert "linear-regressor" == program
        command: click.Command = main
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words[0])
            assert found is not None, words[0]
            command, words = found, words[1:]
        command.make_context("job", words)

    script = (SCRIPTS / "run_pipeline.sh").read_text(encoding="utf-8")
    assert ["/app/run_pipeline.sh", *re.findall(r"\b[A-Z_]+\b", re.findall(r"Usage: (.*?)  ", script)[0])] == (
        commands["pipeline"])
    assert "WORKDIR /app\n" in JOBS_IMAGE and "COPY scripts/run_pipeline.sh ./\n" in JOBS_IMAGE


def write_rows(path: Path, slope: float, seed: int) -> None:
    """Write rows of a line."""
    x = np.random.default_rng(seed).normal(size=400)
    pd.DataFrame({"x": x, "y": slope * x + np.cos(9 * x)}).to_csv(path, index=False)


def test_the_pipeline_job_promotes_what_the_gate_accepts_and_nothing_else(tmp_path: Path) -> None:
    """Its script runs with its words on files; bad data, and a line that is worse, leave the champion in use."""
    files = {"DATA": tmp_path / "train.csv", "TEST_DATA": tmp_path / "test.csv"}
    models, store = tmp_path / "models", f"sqlite:///{tmp_path}/feedback.db"
    for number, path in enumerate(files.values()):
        write_rows(path, 3, number)
    assert 0 == run("verify", files["DATA"], "--schema", tmp_path / "schema.yaml", "--learn").exit_code
    values = {**files, "SCHEMA": (tmp_path / "schema.yaml").read_text(), "FEATURES": "x", "TARGET": "y",
              "MODELS": models}

    def pipeline(execution: str) -> subprocess.CompletedProcess[str]:
        words = [str(values[word]) for word in VALUES["jobs"]["pipeline"]["command"][1:]]
        environ = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path),
                   "STORE": store, "CLOUD_RUN_EXECUTION": execution}
        return subprocess.run([str(SCRIPTS / "run_pipeline.sh"), *words], env=environ, capture_output=True, text=True,
                              cwd=tmp_path, timeout=120)

    first = pipeline("run-1")
    assert 0 == first.returncode, first.stderr
    (promotion,) = ModelHistory.of(str(models)).promotions()
    assert ("promote", "pipeline run-1") == (promotion.action, promotion.by)

    again = pipeline("run-2")
    assert 0 == again.returncode and "is in use already" in again.stdout

    rows = files["DATA"].read_text()
    files["DATA"].write_text(f"{rows}many,1\n")
    assert 5 == pipeline("run-3").returncode
    files["DATA"].write_text(rows)
    write_rows(files["DATA"], 2.9, 3)
    worse = pipeline("run-4")
    assert 1 == worse.returncode and f"{promotion.to_version} stays in use" in worse.stderr
    assert promotion.to_version == ModelHistory.of(str(models)).promotions().champion


# --- Terraform ----------------------------------------------------------------------------------------------------


def test_no_shared_value_is_written_twice() -> None:
    """Terraform has paths, the port and images from service.json only."""
    texts = "\n".join(SOURCES.values())

    for value in ("/health", "8080", "cloud-run-gmp-sidecar", "connectors/cloud-sql-proxy", "/etc/rungmp", "0.999"):
        assert value in json.dumps(VALUES)
        assert value not in texts, value
    assert 'jsondecode(file("${var.root}/service.json"))' in module("values")


def test_environments_differ_in_values_only() -> None:
    """Same module, variables and outputs; each its own state."""
    for name in ("variables.tf", "outputs.tf"):
        assert SOURCES[Path("environments/dev") / name] == SOURCES[Path("environments/prod") / name]
    for environment in ("dev", "prod"):
        text = SOURCES[Path("environments") / environment / "main.tf"]
        assert ['"../../modules/platform"'] == re.findall(r"source += (\S*modules\S*)", text)
        assert f'prefix = "linear-regressor/{environment}"' in text
        assert "resource " not in text


def test_one_version_of_the_provider() -> None:
    """In every module and environment, pinned; and one of Terraform, which the workflow installs."""
    pin = re.compile(r'source += "hashicorp/google"\n +version += "(.*)"')
    versions = [version for text in SOURCES.values() for version in pin.findall(text)]
    required = {version for text in SOURCES.values() for version in re.findall(r'required_version = "(.*)"', text)}
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")

    assert 1 == len(set(versions)) and len(versions) > 10
    assert {">= 1.11, < 2.0"} == required
    assert "terraform_version: 1.11." in workflow


def test_outputs_are_the_variables_that_workflows_read() -> None:
    """And each is documented."""
    read = {name for path in (ROOT / ".github" / "workflows").iterdir()
            for name in re.findall(r"vars\.(GCP_\w+)", path.read_text(encoding="utf-8"))}
    given = set(re.findall(r"^ +(GCP_\w+) +=", module("platform"), re.M))
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(GCP_\w+)`", page, re.M))

    assert read == given == documented
    assert len(read) >= 7


def test_identities_are_those_of_the_environments_of_the_workflows() -> None:
    """GitHub names them so in its token; only what deploys is in the protected environment production."""
    environments = {path.stem: set(re.findall(r"^    environment: (\w+)$", path.read_text(encoding="utf-8"), re.M))
                    for path in (ROOT / ".github" / "workflows").iterdir()}
    used = {name: found for name, found in environments.items() if found}

    assert {"build": {"production"}, "deploy": {"production"}, "plan": {"plan"}} == used
    for account, environment in (("deploy", "production"), ("smoke", "production"), ("plan", "plan")):
        assert re.search(rf'\b{account} += "repo:\${{var.repository}}:environment:{environment}"', module("identity"))


def test_the_deployed_container_is_the_one_of_terraform() -> None:
    """The scripts set the image of the first container by its name."""
    script = (ROOT / "scripts" / "deploy_service.sh").read_text(encoding="utf-8")
    rollout = (ROOT / "scripts" / "rollout.py").read_text(encoding="utf-8")

    assert f"--container {VALUES['container']} " in script
    assert f'"--container", "{VALUES["container"]}", "--image"' in re.sub(r"\n *", " ", rollout)


@needs_terraform
def test_terraform_files_are_formatted() -> None:
    """By terraform fmt."""
    done = subprocess.run(["terraform", "fmt", "-check", "-recursive", str(TERRAFORM)], capture_output=True, text=True)

    assert "" == done.stdout


# --- service YAML -------------------------------------------------------------------------------------------------


def test_the_service_yaml_has_the_shared_values() -> None:
    """Probes, port, limits, concurrency and instances, without a database."""
    done = service_yaml()

    assert (0, "") == (done.returncode, done.stderr)
    for name in ("startup", "liveness"):
        probe = VALUES["probes"][name]
        assert re.search(rf'{name}Probe:\n +httpGet:\n +path: "{probe["path"]}"\n'
                         rf' +periodSeconds: {probe["period_seconds"]}\n +timeoutSeconds: {probe["timeout_seconds"]}\n'
                         rf' +failureThreshold: {probe["failure_threshold"]}\n', done.stdout)
    for line in (f"- containerPort: {VALUES['port']}", f"containerConcurrency: {VALUES['concurrency']}",
                 f'autoscaling.knative.dev/maxScale: "{VALUES["instances"]["max"]}"', f'image: "{DIGEST}"',
                 f'serviceAccountName: "{ACCOUNT}"', f'memory: "{VALUES["limits"]["memory"]}"'):
        assert f"{line}\n" in done.stdout
    assert "STORE" not in done.stdout


def test_the_service_yaml_with_a_database_starts_the_proxy_first() -> None:
    """And logs in without a password."""
    done = service_yaml(**DATABASE)

    assert 0 == done.returncode
    assert '"postgresql://linear-regressor-server%40example.iam@127.0.0.1:5432/feedback?sslmode=disable"' in done.stdout
    assert r'\"server\": [\"cloud-sql-proxy\"]' in done.stdout


def test_terraform_and_the_service_yaml_make_the_same_containers() -> None:
    """Arguments of the proxy, limits, and the URL of the store."""
    yaml, terraform = service_yaml(**DATABASE).stdout, module("service")
    (written,) = re.findall(r"args = \[(.*?)\]", terraform, re.S)
    made = re.findall(r'- "(--.*?)"', yaml)

    assert len(made) == 7
    assert made == [re.sub(r"\$\{local\.database\.(\w+)\}", lambda name: str(VALUES["database"][name[1]]), one)
                    for one in re.findall(r'"(--.*?)"', written)]
    assert re.findall(r"^    containers \{", terraform, re.M) == ["    containers {"] * len(re.findall("image: ", yaml))
    assert re.findall(r'limits:\n +cpu: "(.*)"\n +memory: "(.*)"', yaml) == [
        (one["cpu"], one["memory"])
        for one in (VALUES["limits"], VALUES["database"]["proxy_limits"], VALUES["collector"]["limits"])]
    assert "@127.0.0.1:${local.shared.database.port}/${local.shared.database.name}?sslmode=disable" in module("values")


@pytest.mark.parametrize(("environment", "message"), [
    ({"IMAGE": "example/server:latest"}, "IMAGE is 'example/server:latest': must be a name by digest"),
    ({"GCP_PROJECT_ID": ""}, "GCP_PROJECT_ID not set"),
    ({"GCP_SUBNETWORK": "only"}, "GCP_SQL_CONNECTION and GCP_SUBNETWORK are set together or not at all"),
], ids=["tag", "missing", "half a database"])
def test_a_wrong_environment_is_a_one_line_error(environment: dict[str, str], message: str) -> None:
    """Nothing is printed that could be deployed."""
    done = service_yaml(**environment)

    assert (1, "", 1) == (done.returncode, done.stdout, len(done.stderr.splitlines()))
    assert message in done.stderr


# --- suppressions -------------------------------------------------------------------------------------------------


def test_every_suppression_has_its_reason() -> None:
    """After the number of the check, in words."""
    found = [line for text in SOURCES.values() for line in re.findall(r"checkov:skip=(.*)", text)]

    assert found
    assert [] == [line for line in found if not re.fullmatch(r"CKV2?_GCP_\d+:\S.{19,}", line)]


def test_the_documentation_names_every_module_and_account() -> None:
    """docs/infrastructure.md, which also says what is not checked here."""
    page = (ROOT / "docs" / "infrastructure.md").read_text(encoding="utf-8")
    accounts = re.findall(r"^    (\w+) += \"", module("identity").split("accounts = {")[1].split("}")[0], re.M)

    assert len(accounts) == 7
    assert [] == [name for name in accounts if f"`linear-regressor-{name}`" not in page]
    assert [] == [path.name for path in MODULES.iterdir() if f"`{path.name}`" not in page]
