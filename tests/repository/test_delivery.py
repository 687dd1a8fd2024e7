"""The scripts of the workflows: against a client of Cloud Run that keeps the state of a service, and real Terraform."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts import check_jobs, image_inventory, image_sbom
from tests import ROOT
from tests.tool_environment import runs

SCRIPTS = ROOT / "scripts"
DIGEST = "example/server@sha256:" + "1" * 64
JOBS_DIGEST = "example/jobs@sha256:" + "2" * 64

# A gcloud with one service: an update without traffic adds a revision, update-traffic moves shares and tags.
GCLOUD = r'''#!/usr/bin/env python3
import json, os, sys
words, path = sys.argv[1:], os.environ["STATE"]
state = json.load(open(path))
option = lambda name: words[words.index(name) + 1] if name in words else None
state["calls"].append(" ".join(words))
if words[:3] == ["run", "services", "update"]:
    state["revisions"].append("r%d" % (len(state["revisions"]) + 1))
    state["tags"][option("--tag")] = state["revisions"][-1]
elif words[:3] == ["run", "services", "update-traffic"]:
    if "--to-latest" in words:
        state["shares"] = {state["revisions"][-1]: 100}
    if option("--to-revisions"):
        state["shares"] = {one.split("=")[0]: int(one.split("=")[1]) for one in option("--to-revisions").split(",")}
    if option("--update-tags"):
        state["tags"].update([option("--update-tags").split("=")])
    if option("--remove-tags"):
        state["tags"].pop(option("--remove-tags"), None)
elif words[:3] == ["run", "services", "describe"]:
    traffic = [{"revisionName": name, "percent": share} for name, share in state["shares"].items()]
    traffic += [{"revisionName": name, "tag": tag, "url": f"https://{tag}---example"}
                for tag, name in state["tags"].items()]
    print(json.dumps({"status": {"url": "https://example", "traffic": traffic,
                                 "latestCreatedRevisionName": state["revisions"][-1]}}))
json.dump(state, open(path, "w"))
sys.exit(1 if " ".join(words).startswith(os.environ.get("FAILS", "nothing")) else 0)
'''


class Project:
    """A project with one service, whose revision r1 has all traffic."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path, self.output = folder, folder / "state.json", folder / "output"
        (folder / "gcloud").write_text(GCLOUD, encoding="utf-8")
        (folder / "gcloud").chmod(0o755)
        self.path.write_text(json.dumps({"revisions": ["r1"], "shares": {"r1": 100}, "tags": {}, "calls": []}))

    @property
    def state(self) -> dict[str, Any]:
        """Revisions, shares, tags and calls."""
        state: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return state

    def run(self, step: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a step of the deployment."""
        environ = {"PATH": f"{self.folder}:{os.environ['PATH']}", "STATE": str(self.path), "GCP_PROJECT_ID": "project",
                   "GCP_REGION": "region", "GCP_SERVICE": "name", "GITHUB_OUTPUT": str(self.output), **environment}
        return subprocess.run([sys.executable, str(SCRIPTS / "rollout.py"), step], env=environ, capture_output=True,
                              text=True, timeout=60)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project."""
    return Project(tmp_path)


CANDIDATE = {"CANDIDATE_REVISION": "r2", "STABLE_REVISION": "r1"}


def test_a_candidate_gets_a_url_and_no_traffic_then_a_share_then_all(project: Project) -> None:
    """Later revisions of Terraform get traffic again."""
    started = project.run("candidate", IMAGE=DIGEST)
    assert (0, "") == (started.returncode, started.stderr)
    assert ({"r1": 100}, {"stable": "r1", "candidate": "r2"}) == (project.state["shares"], project.state["tags"])
    assert set(project.output.read_text(encoding="utf-8").splitlines()) == {
        "url=https://example", "stable_revision=r1", "stable_url=https://stable---example", "candidate_revision=r2",
        "candidate_url=https://candidate---example"}
    assert ["run services update name --no-traffic --tag candidate --project project --region region --quiet "
            f"--container server --image {DIGEST}"] == [call for call in project.state["calls"] if " update " in call]

    assert 0 == project.run("share", **CANDIDATE).returncode
    assert {"r1": 90, "r2": 10} == project.state["shares"]
    assert 0 == project.run("promote", **CANDIDATE).returncode
    assert ({"r2": 100}, {"stable": "r2"}) == (project.state["shares"], project.state["tags"])
    assert "--to-latest" in project.state["calls"][-1]


def test_a_rollback_gives_all_traffic_to_the_stable_revision(project: Project) -> None:
    """The candidate loses its URL, and the next deployment starts from the same stable revision."""
    project.run("candidate", IMAGE=DIGEST)
    project.run("share", **CANDIDATE)
    assert 0 == project.run("roll-back", **CANDIDATE).returncode
    assert ({"r1": 100}, {"stable": "r1"}) == (project.state["shares"], project.state["tags"])

    again = project.run("candidate", IMAGE=DIGEST)
    assert "stable_revision=r1\n" in again.stdout and "candidate_revision=r3\n" in again.stdout


def test_a_revision_that_nobody_tested_is_not_promoted(project: Project) -> None:
    """Another change made one while the candidate was tested."""
    project.run("candidate", IMAGE=DIGEST)
    project.run("candidate", IMAGE=DIGEST)
    done = project.run("promote", **CANDIDATE)

    assert (1, "r3 was created after r2 and has not been tested: deploy again\n") == (done.returncode, done.stderr)
    assert {"r1": 100} == project.state["shares"]


def job_calls(project: Project) -> list[str]:
    """What was done to jobs, without options."""
    return [call.split(" --")[0] for call in project.state["calls"] if call.startswith("run jobs ")]


def test_only_the_migration_gets_the_new_image_before_the_promotion(project: Project) -> None:
    """The other jobs get it when the candidate has been accepted; a failed migration ends the deployment."""
    jobs = {"IMAGE_JOBS": JOBS_DIGEST,
            "GCP_JOBS": "linear-regressor-monitor linear-regressor-migrate linear-regressor-retrain"}
    done = project.run("migrate", **jobs)
    migration = ["run jobs update linear-regressor-migrate", "run jobs execute linear-regressor-migrate"]

    assert (0, "") == (done.returncode, done.stderr)
    assert migration == job_calls(project)
    failed = project.run("migrate", **jobs, FAILS="run jobs execute")
    assert (1, "gcloud run jobs execute failed with exit code 1\n") == (failed.returncode, failed.stderr)
    assert 2 * migration == job_calls(project)

    project.run("candidate", IMAGE=DIGEST, **jobs)
    project.run("share", **CANDIDATE, **jobs)
    assert 0 == project.run("roll-back", **CANDIDATE, **jobs).returncode
    assert 2 * migration == job_calls(project)

    project.run("candidate", IMAGE=DIGEST, **jobs)
    promoted = project.run("promote", CANDIDATE_REVISION="r3", **jobs)
    assert (0, "") == (promoted.returncode, promoted.stderr)
    assert job_calls(project)[4:] == ["run jobs update linear-regressor-monitor",
                                      "run jobs update linear-regressor-retrain"]
    assert f"--container job --image {JOBS_DIGEST}" in project.state["calls"][-1]
    assert "no store was migrated" in project.run("migrate", IMAGE_JOBS=JOBS_DIGEST, GCP_JOBS="").stdout


@pytest.mark.parametrize(("step", "environment", "message"), [
    ("candidate", {"IMAGE": "example/server:latest"}, "IMAGE is 'example/server:latest': must be "),
    ("share", {"STABLE_REVISION": "r1"}, "NOT RUN: CANDIDATE_REVISION is not set"),
    ("share", {**CANDIDATE, "GCP_REGION": ""}, "NOT RUN: GCP_REGION is not set"),
    ("deploy", {}, "usage: rollout.py migrate|candidate|share|promote|roll-back"),
], ids=str)
def test_a_wrong_call_is_an_error_of_one_line(project: Project, step: str, environment: dict[str, str],
                                              message: str) -> None:
    """And moves no traffic."""
    done = project.run(step, **environment)

    assert 1 == done.returncode and done.stderr.startswith(message) and 1 == done.stderr.count("\n")
    assert {"r1": 100} == project.state["shares"]


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_knows_every_flag(project: Project, tmp_path: Path) -> None:
    """Without an account it parses a command and then asks for one; an unknown flag is another error."""
    for step, environment in (("candidate", {"IMAGE": DIGEST}), ("share", CANDIDATE), ("promote", CANDIDATE),
                              ("roll-back", CANDIDATE),
                              ("migrate", {"IMAGE_JOBS": JOBS_DIGEST, "GCP_JOBS": "linear-regressor-migrate"})):
        if step == "promote":
            assert project.state["revisions"][-1] == "r2"
        project.run(step, **environment)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CLOUDSDK_CONFIG": str(tmp_path / "gcloud-config")}
    calls = sorted(set(project.state["calls"]))
    assert len(calls) >= 7
    started = {call: subprocess.Popen(["gcloud", *call.split()], env=environ, text=True, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE) for call in [*calls, calls[0] + " --no-such-flag"]}
    said = {call: process.communicate(timeout=120)[1] for call, process in started.items()}
    assert {call: "do not currently have an active account" in text for call, text in said.items()} == {
        call: "--no-such-flag" not in call for call in said}, said


# --- jobs ---------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)


def execution(hours: float, status: str = "True") -> dict[str, Any]:
    """Describe an execution that finished some hours ago, as gcloud does."""
    return {"metadata": {"name": "run-1"}, "status": {
        "completionTime": (NOW - timedelta(hours=hours)).isoformat().replace("+00:00", "Z"),
        "conditions": [{"type": "Completed", "status": status, "message": "exit code 3"}]}}


@pytest.mark.parametrize(("executions", "schedule", "message"), [
    ([execution(1.5)], "0 * * * *", None),
    ([execution(47), execution(71, "False")], "30 2 * * *", None),
    ([{"metadata": {}, "status": {}}, execution(160)], "0 2 * * 1", None),
    ([execution(2.5)], "0 * * * *", "finished 2 hours ago, but its schedule is '0 * * * *'"),
    ([execution(49)], "30 2 * * *", "finished 49 hours ago"),
    ([execution(0.5, "False"), execution(1.5)], "0 * * * *", "failed in run-1: exit code 3"),
    ([], "0 * * * *", "has never finished"),
], ids=str)
def test_a_job_must_have_run_on_schedule(executions: list[dict[str, Any]], schedule: str, message: str | None) -> None:
    """Its last execution counts, and one that still runs does not."""
    found = check_jobs.fault(executions, schedule, NOW)

    assert found is None if message is None else found is not None and found.startswith(message)


# --- plan ---------------------------------------------------------------------------------------------------------

needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
CONFIGURATION = '''terraform {
  backend "local" {}
}
variable "content" {
  type = string
}
resource "terraform_data" "this" {
  input = var.content
}
'''


def plan(folder: Path, mode: str, content: str) -> subprocess.CompletedProcess[str]:
    """Run the script on a configuration that needs no provider, in a folder of its own."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERRAFORM_BACKEND": f"path={folder / 'state'}",
               "TERRAFORM_VARIABLES": json.dumps({"content": content})}
    return subprocess.run([str(SCRIPTS / "plan_infra.sh"), mode, "configuration"], cwd=folder, env=environ,
                          capture_output=True, text=True, timeout=60)


@needs_terraform
def test_drift_is_an_error_and_a_plan_is_a_comment(tmp_path: Path) -> None:
    """With the state of a real apply; nothing is applied by a plan."""
    (tmp_path / "configuration").mkdir()
    (tmp_path / "configuration" / "main.tf").write_text(CONFIGURATION, encoding="utf-8")
    comment = tmp_path / "build" / "plan" / "plan.md"

    assert 0 == plan(tmp_path, "plan", "old").returncode
    assert "Plan: 1 to add, 0 to change, 0 to destroy." in comment.read_text(encoding="utf-8")
    applied = subprocess.run(
        ["terraform", "-chdir=configuration", "apply", "-auto-approve", "-var", "content=old"], cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TF_DATA_DIR": str(tmp_path / "build/plan/terraform")},
        capture_output=True, text=True, timeout=60)
    assert 0 == applied.returncode, applied.stderr

    same = plan(tmp_path, "drift", "old")
    assert (0, "") == (same.returncode, same.stderr)
    assert "No changes." in comment.read_text(encoding="utf-8")
    changed = plan(tmp_path, "drift", "new")
    assert 1 == changed.returncode
    assert changed.stderr == ("drift: Plan: 0 to add, 1 to change, 0 to destroy. in configuration; apply, or change "
                              "the files (docs/infrastructure.md)\n")
    assert 0 == plan(tmp_path, "plan", "new").returncode
    long = plan(tmp_path, "plan", "x" * 100_000)
    assert 0 == long.returncode and 60_000 < comment.stat().st_size < 65_536

    (tmp_path / "configuration" / "main.tf").write_text(CONFIGURATION.replace("input", "inputs"), encoding="utf-8")
    broken = plan(tmp_path, "drift", "old")
    assert 1 == broken.returncode and broken.stderr.endswith("configuration: terraform plan failed\n")


# --- bill of materials --------------------------------------------------------------------------------------------

BILL = {"bomFormat": "CycloneDX", "components": [
    {"name": "Flask", "version": "3.1.3", "purl": "pkg:pypi/flask@3.1.3"},
    {"name": "gunicorn_h1c", "version": "0.6.9", "purl": "pkg:pypi/gunicorn-h1c@0.6.9"}]}
INSTALLED: dict[str, str | None] = {"flask": "3.1.3", "gunicorn-h1c": "0.6.9", "linear-regressor": "0.1.0"}
INVENTORY = {"debian": {"libc6": "2.36-9+deb12u10"}, "release": "bookworm"}


@pytest.mark.parametrize(("installed", "message"), [
    ({}, None), ({"flask": "3.1.2"}, "flask: 3.1.3 in the bill, 3.1.2 in the image"),
    ({"pip": "26"}, "pip: not in the bill, 26 in the image"),
    ({"gunicorn-h1c": None}, "gunicorn-h1c: 0.6.9 in the bill, not in the image"),
], ids=str)
def test_a_bill_must_be_what_the_image_contains(tmp_path: Path, installed: dict[str, str | None],
                                                message: str | None) -> None:
    """Each difference is a line; a right bill gets the Debian packages, once."""
    path = tmp_path / "server.cdx.json"
    path.write_text(json.dumps(BILL), encoding="utf-8")
    python = {name: version for name, version in (INSTALLED | installed).items() if version}
    command = [sys.executable, "-m", "scripts.image_sbom", str(path)]
    for _ in range(2):
        done = subprocess.run(command, cwd=ROOT, input=json.dumps(INVENTORY | {"python": python}), capture_output=True,
                              text=True, timeout=60)
    bill = json.loads(path.read_text(encoding="utf-8"))

    if message:
        assert 1 == done.returncode and message in done.stderr and bill == BILL
    else:
        assert (0, "") == (done.returncode, done.stderr)
        assert [one["purl"] for one in bill["components"]][2:] == [
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?distro=bookworm"]


def test_the_inventory_has_the_packages_of_this_machine() -> None:
    """As pip and dpkg list them; packages that were removed are none."""
    python = image_inventory.python_packages()
    assert python["linear-regressor"] and python["gunicorn"].startswith("27.")
    status = ("Package: kept\nStatus: install ok installed\nVersion: 1:2-3\nDepends: x\n\n"
              "Package: removed\nStatus: deinstall ok config-files\nVersion: 1\n")
    assert {"kept": "1:2-3"} == image_inventory.debian_packages(status)
    if shutil.which("dpkg-query"):
        listed = subprocess.run(["dpkg-query", "--show", "--showformat", "${Package} ${Version} ${Status}\n"],
                                capture_output=True, text=True, check=True).stdout.splitlines()
        expected = {line.split()[0]: line.split()[1] for line in listed if line.endswith(" installed")}
        assert expected == image_inventory.debian_packages(image_inventory.STATUS.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("plan", "code", "said"), [
    ("Inst tzdata [2026a] (2026b Debian:12/stable-updates [all])", 0, "no security update is pending\n"),
    ("Inst libexpat1 [2.5.0-1] (2.5.0-2 Debian-Security:12/oldstable-security [amd64])", 1,
     "security updates are pending; use a newer base image\nInst libexpat1 [2.5.0-1] "),
    (None, 1, "NOT AUDITED: the image has no apt source with security updates"),
], ids=["other update", "security update", "no source"])
def test_a_pending_security_update_fails_the_audit_of_an_image(tmp_path: Path, plan: str | None, code: int,
                                                               said: str) -> None:
    """The lines are those of apt-get --simulate upgrade; without sources there is no verdict."""
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\n" + (f"echo '{plan}'\n" if plan else "exit 1\n"), encoding="utf-8")
    docker.chmod(0o755)
    done = subprocess.run([str(SCRIPTS / "audit_image.sh"), "image"], capture_output=True, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"], "DOCKER": str(docker)})

    assert code == done.returncode and f"image: {said}" in done.stdout + done.stderr


# A gh that accepts the attestation of two files, and has no release yet.
GH = """#!/bin/sh
echo "$*" >>"$CALLS"
case "$1 $2" in "release view") exit "$RELEASED" ;; "attestation verify") case "$3" in *forged*) exit 1 ;; esac ;; esac
"""


@pytest.mark.parametrize(("heading", "released", "wheel", "code", "last"), [
    ("## [1.2.3] - 2026-12-01", 1, "a.whl", 0, "release create v1.2.3 --repo o/n --target abc --title 1.2.3 "),
    ("## [1.2.3] - 2026-12-01", 0, "a.whl", 0, "release view v1.2.3 "),
    ("## [1.2.30] - 2026-12-01", 1, "a.whl", 0, None),
    ("## [1.2.3] - 2026-12-01", 1, "forged.whl", 1,
     "attestation verify files/forged.whl --repo o/n --source-digest abc "),
], ids=["new", "released", "not in the changelog", "not attested"])
def test_a_release_is_what_the_build_workflow_attested(tmp_path: Path, heading: str, released: int, wheel: str,
                                                       code: int, last: str | None) -> None:
    """Of a version that is new in the changelog; the wheel, the source distribution and the bill."""
    (tmp_path / "setup.cfg").write_text("[metadata]\nversion = 1.2.3\n", encoding="utf-8")
    changes = f"# Changelog\n\n{heading}\n\n- a change\n\n## [1.0.0]\n"
    (tmp_path / "CHANGELOG.md").write_text(changes, encoding="utf-8")
    (tmp_path / "gh").write_text(GH, encoding="utf-8")
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "files").mkdir()
    for name in (wheel, "a.tar.gz", "server.cdx.json"):
        (tmp_path / "files" / name).touch()
    calls = tmp_path / "calls"
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls), "RELEASED": str(released),
               "GITHUB_REPOSITORY": "o/n", "GITHUB_SHA": "abc"}
    done = subprocess.run([str(SCRIPTS / "github_release.sh"), "files"], cwd=tmp_path, env=environ, capture_output=True,
                          text=True, timeout=60)
    made = calls.read_text(encoding="utf-8").splitlines() if calls.exists() else [""]

    assert code == done.returncode, done.stderr
    assert made[-1].startswith(last or "") and bool(made[-1]) == bool(last)
    if made[-1].startswith("release create"):
        assert made[-1].endswith("files/a.whl files/a.tar.gz files/server.cdx.json")
    else:
        assert ("nothing to release" in done.stdout) == (code == 0)


@pytest.mark.skipif("CI" not in os.environ and not runs(ROOT / "build/tools/sbom/bin/cyclonedx-py"),
                    reason="make sbom has not installed its tool on this machine")
@pytest.mark.parametrize(("image", "categories"), [
    ("server", ["default", "fast", "postgresql"]), ("jobs", ["default", "training", "store", "postgresql"])])
def test_the_bill_lists_the_locked_packages_with_their_hashes(image: str, categories: list[str]) -> None:
    """And is the same file for the same commit; make sbom names the categories that the image has."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    dockerfile = (ROOT / "jobs.Dockerfile").read_text(encoding="utf-8")
    assert f"\n{image.upper()}_CATEGORIES := {' '.join(categories)}\n" in makefile
    assert image == "server" or f'ARG CATEGORIES="{" ".join(categories)}"' in dockerfile
    texts = []
    for _ in range(2):
        done = subprocess.run([str(SCRIPTS / "write_sbom.sh"), sys.executable, image, *categories], cwd=ROOT,
                              capture_output=True, text=True, timeout=60)
        assert (0, "") == (done.returncode, done.stderr)
        texts.append((ROOT / "build" / "sbom" / f"{image}.cdx.json").read_text(encoding="utf-8"))
    bill, lock = json.loads(texts[0]), json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    locked = {name: entry for category in categories for name, entry in lock[category].items()
              if "path" not in entry}

    assert texts[0] == texts[1] and "CycloneDX" == bill["bomFormat"]
    assert {name: entry["version"].removeprefix("==") for name, entry in locked.items()} == {
        one["name"]: one["version"] for one in bill["components"]}
    for one in bill["components"]:
        hashes = {f"sha256:{each['content']}" for link in one["externalReferences"] for each in link["hashes"]}
        assert hashes == set(locked[one["name"]]["hashes"]), one["name"]
    assert [] == image_sbom.differences(bill, {one["name"]: one["version"] for one in bill["components"]})
