"""The checks find each fault that is planted into a copy, and name it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import ROOT

MODULES = "infra/terraform/modules"
SERVICE = f"{MODULES}/service/main.tf"


class Fault(NamedTuple):
    """A replacement in one file, and what the checks must say about it."""

    name: str
    file: str
    old: str
    new: str
    message: str


# Found by names, references and policies (infra/checks), which look at all copies in one run.
FAULTS = [
    Fault("a public bucket", f"{MODULES}/storage/main.tf", 'public_access_prevention    = "enforced"',
          'public_access_prevention    = "inherited"',
          "google_storage_bucket.models: the bucket could become public"),
    Fault("a bucket that everyone reads", f"{MODULES}/storage/main.tf", '"serviceAccount:${var.reader}"', '"allUsers"',
          "google_storage_bucket_iam_member.reader: allUsers is everyone"),
    Fault("a bucket without versions", f"{MODULES}/storage/main.tf", "enabled = true", "enabled = false",
          "google_storage_bucket.models: what is overwritten is lost"),
    Fault("a basic role", f"{MODULES}/identity/main.tf", '"roles/run.viewer"', '"roles/editor"',
          "locals: roles/editor is a wildcard role"),
    Fault("an admin", f"{MODULES}/service/main.tf", '"roles/run.developer"', '"roles/run.admin"',
          "google_cloud_run_v2_service_iam_member.deployer: roles/run.admin is a wildcard role"),
    Fault("a wildcard permission", f"{MODULES}/identity/main.tf",
          'resource "google_iam_workload_identity_pool" "github"',
          'resource "google_project_iam_custom_role" "all" {\n  permissions = ["run.*"]\n}\n\n'
          'resource "google_iam_workload_identity_pool" "github"', "the permission run.* is a wildcard"),
    Fault("an unauthenticated service", SERVICE, "invoker_iam_disabled = false", "invoker_iam_disabled = true",
          "google_cloud_run_v2_service.server: invoker_iam_disabled makes the service unauthenticated"),
    Fault("a service that everyone may invoke", SERVICE, "member   = each.value", 'member   = "allAuthenticatedUsers"',
          "google_cloud_run_v2_service_iam_member.invoker: allAuthenticatedUsers is everyone"),
    Fault("other repositories", f"{MODULES}/identity/main.tf",
          "assertion.repository_id == '${var.repository_id}' && ", "", "the condition lacks assertion.repository_id"),
    Fault("no probe", SERVICE, "      liveness_probe {", "      readiness_probe {",
          "google_cloud_run_v2_service.server: the server has no liveness probe"),
    Fault("a sidecar without limits", SERVICE, "        limits   = local.collector.limits\n", "",
          "google_cloud_run_v2_service.server: the container ${local.collector.container} has no limits"),
    Fault("a job's sidecar without limits", f"{MODULES}/jobs/main.tf",
          "          limits = local.database.proxy_limits\n", "",
          "google_cloud_run_v2_job.this: the container cloud-sql-proxy has no limits"),
    Fault("a probe of another path", SERVICE, "path = local.startup.path", 'path = "/ready"',
          "the startup probe requests another path than service.json names"),
    Fault("a typo in an argument", SERVICE, "container_port =", "contaner_port =",
          "google_cloud_run_v2_service.server.template.containers.ports: the argument contaner_port is unknown; "
          "did you mean container_port?"),
    Fault("a typo in a block", SERVICE, "        http_get {\n          path = local.liveness",
          "        htp_get {\n          path = local.liveness",
          "liveness_probe: the argument htp_get is unknown; did you mean http_get?"),
    Fault("a typo in a dynamic block", SERVICE, 'dynamic "env"', 'dynamic "enw"', "the argument enw is unknown"),
    Fault("a typo in a resource", f"{MODULES}/registry/main.tf", '"google_artifact_registry_repository" "images"',
          '"google_artifact_registry_repo" "images"', "the resource google_artifact_registry_repo is unknown"),
    Fault("a typo in an attribute", SERVICE, "server.uri", "server.urii",
          "google_cloud_run_v2_service has no attribute urii; did you mean uri?"),
    Fault("a typo in a reference", SERVICE, "= google_cloud_run_v2_service.server.uri",
          "= google_cloud_run_v2_service.sever.uri", "google_cloud_run_v2_service.sever is not declared"),
    Fault("a typo in a variable", SERVICE, "= var.initial_image", "= var.initial_imge",
          "var.initial_imge is not declared"),
    Fault("an argument of a module", f"{MODULES}/platform/main.tf", "  reader     =", "  readers    =",
          "module.storage: the module has no variable readers"),
    Fault("a missing argument", f"{MODULES}/storage/main.tf", "  location                    = var.region\n", "",
          "google_storage_bucket.models: the argument location is missing"),
    Fault("an image that a plan would set back", SERVICE, "      template[0].containers[0].image,\n", "",
          "a plan after a deployment would change template[0].containers[0].image"),
    Fault("traffic that a plan would set back", SERVICE, "      traffic,\n", "",
          "a plan after a deployment would change traffic"),
    Fault("a job's image that a plan would set back", f"{MODULES}/jobs/main.tf",
          "      template[0].template[0].containers[0].image,\n", "",
          "google_cloud_run_v2_job.this: a plan after a deployment would change template[0].template[0]"),
    Fault("an attribute without owner", SERVICE, "      traffic,\n", "      traffic,\n      template[0].scaling,\n",
          "template[0].scaling has no owner"),
    Fault("a database with a public address", f"{MODULES}/database/main.tf", "ipv4_enabled    = false",
          "ipv4_enabled    = true", "the database has a public address"),
    Fault("a database without backups", f"{MODULES}/database/main.tf", "      enabled                        = true",
          "      enabled                        = false", "the database has no backups"),
    Fault("a provider that is not pinned", "infra/terraform/environments/prod/main.tf", '"8.8.0"', '"~> 8.8"',
          "the version of the provider google is not pinned"),
    Fault("a suppression without reason", f"{MODULES}/storage/main.tf", "skip=CKV_GCP_62:", "skip=CKV_GCP_62 # ",
          "the suppression of CKV_GCP_62 has no reason"),
    Fault("broken HCL", f"{MODULES}/storage/main.tf", 'resource "google_storage_bucket" "models" {',
          'resource "google_storage_bucket" "models"', "modules/storage/main.tf"),
]

# Found by the other stages of scripts/check_infra.sh, and one from above: each runs the whole script.
OF_OTHER_STAGES = [
    next(fault for fault in FAULTS if fault.name == "an unauthenticated service"),
    Fault("no probe in the YAML", "scripts/service_yaml.py", '        "livenessProbe":', '        "readinessProbe":',
          "containers[0]: has no livenessProbe"),
    Fault("a container without limits in the YAML", "scripts/service_yaml.py",
          '"resources": {"limits": collector["limits"]}', '"resources": {}', "containers[2]: has no limit of cpu"),
    Fault("a typo in the YAML", "scripts/service_yaml.py", '"containerConcurrency"', '"containerConcurency"',
          "service.spec.template.spec.containerConcurency: is unknown to the API; did you mean containerConcurrency?"),
    Fault("a typo in an annotation", "scripts/service_yaml.py", "startup-cpu-boost", "startup-cpu-bost",
          "startup-cpu-bost is not accepted there; did you mean run.googleapis.com/startup-cpu-boost?"),
    Fault("a dashboard field that does not exist", "infra/monitoring/dashboard.json", '"fieldConfig"', '"fieldConfg"',
          "dashboard.panels[0].fieldConfg: is unknown to Grafana; did you mean fieldConfig?"),
    Fault("a dashboard field of a query that does not exist", "infra/monitoring/dashboard.json", '"legendFormat"',
          '"legendFromat"', "dashboard.panels[0].targets[0].legendFromat: is unknown to Grafana"),
    Fault("more instances than connections", "infra/service.json", '"max": 4', '"max": 40',
          "The database allows 60 connections, but 40 instances"),
    Fault("a database that logs no connections", f"{MODULES}/database/main.tf", 'name  = "log_connections"',
          'name  = "log_executor_stats"', "CKV_GCP_52"),
    Fault("a root container", "server.Dockerfile", "USER 65532:65532", "USER root", "CKV_DOCKER_8"),
    Fault("a root job", "jobs.Dockerfile", "CMD [", "USER root\nCMD [", "CKV_DOCKER_8"),
    Fault("a container without user", "server.Dockerfile", "USER 65532:65532\n", "", "CKV_DOCKER_3"),
]

needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")


def plant(fault: Fault, repository: Path) -> Path:
    """Copy everything that the checks read, with a fault."""
    shutil.copytree(ROOT / "infra", repository / "infra", ignore=shutil.ignore_patterns(".terraform", "__pycache__"))
    (repository / "scripts").mkdir()
    for name in ("scripts/service_yaml.py", "server.Dockerfile", "jobs.Dockerfile"):
        shutil.copy(ROOT / name, repository / name)
    path = repository / fault.file
    text = path.read_text(encoding="utf-8")
    assert fault.old in text, fault.name
    path.write_text(text.replace(fault.old, fault.new, 1), encoding="utf-8")
    return repository


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in the repository."""
    return subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Check all copies in one run, and this repository; return the findings by fault."""
    folders = {fault.name: plant(fault, tmp_path_factory.mktemp("copy")) / "infra" / "terraform" for fault in FAULTS}
    folders["none"] = ROOT / "infra" / "terraform"
    done = run("build/tools/infra/bin/python", "-m", "infra.checks", *folders.values())
    lines = done.stdout.splitlines()

    assert done.returncode == 1, done.stderr
    return {name: [line.removeprefix(f"{folder}: ") for line in lines if line.startswith(f"{folder}: ")]
            for name, folder in folders.items()}


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_found_and_named(fault: Fault, findings: dict[str, list[str]]) -> None:
    """One of the few findings of this copy says what is wrong and where."""
    assert [line for line in findings[fault.name] if fault.message in line], findings[fault.name]
    assert len(findings[fault.name]) <= 4


def test_nothing_else_is_found(findings: dict[str, list[str]]) -> None:
    """Without a fault there is no finding."""
    assert findings["none"] == ["names, references and policies are right"]


@pytest.mark.parametrize("fault", OF_OTHER_STAGES, ids=[fault.name for fault in OF_OTHER_STAGES])
def test_every_stage_fails_the_whole_check(fault: Fault, tmp_path: Path) -> None:
    """The exit code is not zero, and the message says what is wrong."""
    if fault.file.endswith(".json") and shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    done = run("scripts/check_infra.sh", plant(fault, tmp_path))

    assert done.returncode != 0
    assert fault.message in done.stderr


@needs_terraform
def test_another_format_is_found_and_named(tmp_path: Path) -> None:
    """The message names the file and the command."""
    fault = Fault("spaces", f"{MODULES}/storage/main.tf", "force_destroy               =", "force_destroy =", "")
    done = run("scripts/check_infra.sh", plant(fault, tmp_path))

    assert done.returncode != 0
    assert "terraform fmt -recursive" in done.stderr
    assert "storage/main.tf" in done.stderr
